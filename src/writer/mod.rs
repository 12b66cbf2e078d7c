//! Writes tables and commits them.
