"""The parts of ``dataprep export``: concepts, file formats, and the record of what it wrote."""
