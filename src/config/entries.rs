//! The keys and values of a section. A file has thousands of sections with few keys each, which a
//! list holds in less memory than a map, and so faster.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::parser::Value;

/// A key in lower case, and one of its values.
type Entry = (Arc<str>, Value);

/// Keys that many sections have, each in memory once.
#[derive(Default)]
pub(super) struct Keys(BTreeSet<Arc<str>>);

impl Keys {
    pub(super) fn shared(&mut self, key: &str) -> Arc<str> {
        if let Some(known) = self.0.get(key) {
            return known.clone();
        }
        let key: Arc<str> = Arc::from(key);
        self.0.insert(key.clone());
        key
    }
}

/// Every value of every key.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// In file order until it is [sorted](Self::sort); then by key, those of one key in file order.
    list: Vec<Entry>,
}

impl Entries {
    /// Adds a value as the last one of its key.
    pub(super) fn push(&mut self, key: Arc<str>, value: Value) {
        self.list.push((key, value));
    }

    /// The value that was added last.
    pub(super) fn newest(&mut self) -> Option<(&Arc<str>, &mut Value)> {
        let (key, value) = self.list.last_mut()?;
        Some((key, value))
    }

    /// Makes the values ready to be found by key, when all have been added.
    pub(super) fn sort(&mut self) {
        self.list.sort_by(|(a, _), (b, _)| a.cmp(b));
    }

    /// The value of a key that counts: the last one.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        let end = self.list.partition_point(|(one, _)| **one <= *key);
        let (found, value) = self.list[..end].last()?;
        (**found == *key).then_some(value)
    }

    /// Every key with each of its values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.list.iter().map(|(key, value)| (&**key, value))
    }

    /// The keys with more than one value, with all of them in file order.
    pub(super) fn repeated(&self) -> impl Iterator<Item = (&str, Vec<&Value>)> {
        let keys = self.list.chunk_by(|(a, _), (b, _)| a == b);
        keys.filter(|values| values.len() > 1).map(|values| {
            let key = &*values[0].0;
            (key, values.iter().map(|(_, value)| value).collect())
        })
    }
}
