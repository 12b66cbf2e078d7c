//! JSON Schemas of the TOML files, for editors that complete and check while one types.
//!
//! The schemas say what may stand where; what names refer to is for `check`. A test holds them
//! to the parser, key by key.

/// The kinds of files and their schemas.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("pack", include_str!("../../docs/schemas/pack.schema.json")),
    ("tags", include_str!("../../docs/schemas/tags.schema.json")),
    ("signals", include_str!("../../docs/schemas/signals.schema.json")),
    ("rules", include_str!("../../docs/schemas/rules.schema.json")),
    ("overlay", include_str!("../../docs/schemas/overlay.schema.json")),
    ("roles", include_str!("../../docs/schemas/roles.schema.json")),
];

/// Returns the schema of a kind of file.
pub fn named(kind: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(name, _)| *name == kind).map(|(_, schema)| *schema)
}
