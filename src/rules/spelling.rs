//! Guesses which known word somebody meant.
//!
//! Cost: the product of the lengths, per known word; only errors pay it.

/// Returns the word of `known` closest to `written`, when it is close enough to be meant:
/// at most one edit per three characters, and at least one.
pub fn closest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (written.chars().count() / 3).max(1);
    let scored = known.into_iter().map(|word| (distance(written, word), word));
    scored.filter(|(edits, _)| *edits <= allowed).min().map(|(_, word)| word)
}

/// Returns how many characters must be inserted, dropped or replaced, or neighbours swapped.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    // (written, meant)
    const CASES: &[(&str, Option<&str>)] = &[
        ("ask_prise", Some("ask_price")),
        ("witihn", Some("within")),
        ("折扣率", None),
        ("优惠", Some("优惠券")),
        ("banana", None),
        ("", None),
    ];

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_another_word_is_not() {
        let known = ["ask_price", "within", "优惠券", "discount"];
        for (written, meant) in CASES {
            assert_eq!(closest(written, known), *meant, "{written}");
        }
    }
}
