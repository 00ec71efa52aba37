"""Which tags belong to what one trains: patterns, word lists, presets, ranking. Pure text.

Everything is decided once per distinct tag, by ``captions.tag_key``, whatever the number of
captions; only ``pruning.edit`` and ``pruning.sources`` touch a dataset.
"""
