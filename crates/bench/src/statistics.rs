//! Medians and ranges of repeated measurements. Knows nothing of what was measured.

use serde::Serialize;

/// The middle and the ends of a series; all in the unit of the series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// The middle value; the mean of the two middle ones in an even series.
    pub(crate) median: f64,
    /// The least value.
    pub(crate) min: f64,
    /// The greatest value.
    pub(crate) max: f64,
}

impl Summary {
    /// The summary of a series, or `None` when it is empty.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = sorted[sorted.len() / 2];
        let lower = sorted[(sorted.len() - 1) / 2];
        Some(Self { median: f64::midpoint(lower, upper), min, max })
    }

    /// How many times as much as `base` this is, by the medians. `None` where `base` is nothing.
    pub(crate) fn ratio(&self, base: &Self) -> Option<f64> {
        (base.median > 0.0).then(|| self.median / base.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], median: f64, min: f64, max: f64) {
        assert_eq!(Summary::of(values.iter().copied()), Some(Summary { median, min, max }));
    }

    #[test]
    fn median_of_odd_even_and_single_series() {
        check(&[3.0, 1.0, 2.0], 2.0, 1.0, 3.0);
        check(&[4.0, 1.0, 2.0, 3.0], 2.5, 1.0, 4.0);
        check(&[7.0], 7.0, 7.0, 7.0);
    }

    #[test]
    fn an_outlier_moves_the_range_and_not_the_median() {
        check(&[1.0, 1.0, 1.0, 1.0, 90.0], 1.0, 1.0, 90.0);
    }

    #[test]
    fn nothing_has_no_summary() {
        assert_eq!(Summary::of([]), None);
    }

    #[test]
    fn ratios_are_of_medians_and_never_divide_by_nothing() {
        let slow = Summary::of([6.0, 8.0, 100.0]);
        let quick = Summary::of([1.0, 2.0, 3.0]);
        let zero = Summary::of([0.0]);
        assert_eq!(slow.and_then(|slow| slow.ratio(&quick?)), Some(4.0));
        assert_eq!(slow.and_then(|slow| slow.ratio(&zero?)), None);
    }
}
