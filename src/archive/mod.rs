//! Finds archive files, reads records, decodes every stored shape.
