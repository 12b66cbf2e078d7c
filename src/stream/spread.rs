//! A map in many small parts: when it grows, one small part is moved at a time, and nobody waits for the rest.

use crate::batch::identity::Map;

/// A map from hashes. Behaves as one map; its order never shows.
#[derive(Clone, Debug)]
pub struct Spread<V> {
    parts: Vec<Map<u128, V>>,
}

impl<V> Default for Spread<V> {
    fn default() -> Spread<V> {
        Spread { parts: (0..PARTS).map(|_| Map::default()).collect() }
    }
}

impl<V> Spread<V> {
    /// Returns the value of `hash`.
    pub fn get(&self, hash: u128) -> Option<&V> {
        self.parts[part_of(hash)].get(&hash)
    }

    /// Returns the value of `hash`, to be changed.
    pub fn get_mut(&mut self, hash: u128) -> Option<&mut V> {
        self.parts[part_of(hash)].get_mut(&hash)
    }

    /// Returns the value of `hash`, which is the default one when there was none.
    pub fn get_or_default(&mut self, hash: u128) -> &mut V
    where
        V: Default,
    {
        self.parts[part_of(hash)].entry(hash).or_default()
    }

    /// Sets the value of `hash`.
    pub fn insert(&mut self, hash: u128, value: V) {
        self.parts[part_of(hash)].insert(hash, value);
    }

    /// Forgets the value of `hash`.
    pub fn remove(&mut self, hash: u128) {
        self.parts[part_of(hash)].remove(&hash);
    }

    /// Returns all hashes with their values.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &V)> {
        self.parts.iter().flatten().map(|(hash, value)| (*hash, value))
    }

    /// Returns all values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.parts.iter_mut().flat_map(Map::values_mut)
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Map::len).sum()
    }
}

/// Returns the part that `hash` belongs to.
pub fn part_of(hash: u128) -> usize {
    (hash >> (128 - PARTS.ilog2())) as usize
}

/// A power of two. A million values make four thousand a part.
pub const PARTS: usize = 256;
