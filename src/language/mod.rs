//! Folds text with a way back to the original, and segments it.
