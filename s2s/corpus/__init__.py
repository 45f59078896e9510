"""The corpus: where pairs come from, what is dropped, the vocabulary, the encoded store on disk, batches."""
