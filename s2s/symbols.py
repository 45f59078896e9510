"""The four control symbols. Their ids are the same in every vocabulary that s2s makes."""

PAD = 0
UNK = 1
BOS = 2
EOS = 3

N_CONTROL = 4
