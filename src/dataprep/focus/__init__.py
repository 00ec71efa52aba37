"""What a cut should show: faces, the subject of a mask, the liveliest part; and where it then lies.

``place`` is pure geometry; the others look at pixels and say what they found as a ``Focus``.
"""
