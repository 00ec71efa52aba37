"""The screens: they start stages and show their jobs, and know no image or training code."""
