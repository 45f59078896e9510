"""Files in which translators keep their text: what of them is translated, and how it is put back."""
