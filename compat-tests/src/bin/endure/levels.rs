//! Whether a series of looks at memory levels off.

/// How much higher the last third may come than the middle third, in percent.
pub(crate) const GROWTH_MAX: f64 = 5.0;
/// What nobody asks about, in MiB: by so much goes up and down what an allocator keeps for threads that
/// share their work, and of a server with ten in all that is more than a twentieth. In a third of ten
/// minutes a leak of two bytes for each request would show.
pub(crate) const GROWTH_IGNORED: f64 = 2.0;

/// The highest values of the three thirds of a series, in MiB. The first one is the warm-up: it is told, and
/// judges nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Thirds {
    pub(crate) first: f64,
    pub(crate) middle: f64,
    pub(crate) last: f64,
}

impl Thirds {
    /// The thirds of a series; none of one that has not even three values.
    pub(crate) fn of(series: &[f64]) -> Option<Self> {
        let third = series.len() / 3;
        if third == 0 {
            return None;
        }
        let most = |part: &[f64]| part.iter().copied().fold(f64::MIN, f64::max);
        let (first, rest) = series.split_at(third);
        let (middle, last) = rest.split_at(third);
        Some(Self { first: most(first), middle: most(middle), last: most(last) })
    }

    /// How much higher the last third came than the middle one, in percent.
    pub(crate) fn growth(&self) -> f64 {
        (self.last / self.middle - 1.0) * 100.0
    }

    /// Whether that is little enough.
    pub(crate) fn level_off(&self) -> bool {
        self.growth() <= GROWTH_MAX || self.last - self.middle <= GROWTH_IGNORED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look every five seconds for ten minutes.
    fn series(value: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..120).map(value).collect()
    }

    fn levels_off(series: &[f64]) -> bool {
        Thirds::of(series).is_some_and(|thirds| thirds.level_off())
    }

    #[test]
    fn what_stays_or_rises_to_a_plateau_levels_off() {
        assert!(levels_off(&series(|_| 40.0)));
        assert!(levels_off(&series(|i| 40.0 + 100.0 * (i.min(39) as f64))));
        assert!(levels_off(&series(|i| 100.0 - 60.0 / (1.0 + i as f64))));
        assert!(levels_off(&series(|i| 400.0 - i as f64)));
    }

    #[test]
    fn a_saw_levels_off_however_high_its_teeth_are() {
        assert!(levels_off(&series(|i| 100.0 + 20.0 * (i % 13) as f64)));
    }

    #[test]
    fn a_little_up_and_down_levels_off() {
        assert!(levels_off(&series(|i| 8.0 + (i * 7919 % 13) as f64 * 0.25 + (i / 80) as f64)));
    }

    #[test]
    fn what_keeps_rising_does_not() {
        assert!(!levels_off(&series(|i| 10.0 + 0.06 * i as f64)));
        assert!(!levels_off(&series(|i| 40.0 + 0.1 * i as f64)));
        assert!(!levels_off(&series(|i| 40.0 * 1.01_f64.powf(i as f64))));
        assert!(!levels_off(&series(|i| 100.0 + 20.0 * (i % 13) as f64 + i as f64)));
    }

    #[test]
    fn what_rises_late_does_not() {
        assert!(!levels_off(&series(|i| if i < 110 { 40.0 } else { 43.0 })));
        // Division of what does not come out even leaves the rest to the last third.
        assert!(!levels_off(&[40.0, 40.0, 40.0, 40.0, 43.0]));
    }

    #[test]
    fn growth_is_that_of_the_highest_values() {
        let thirds = Thirds::of(&[9.0, 1.0, 4.0, 3.0, 2.0, 5.0]);
        assert_eq!(thirds, Some(Thirds { first: 9.0, middle: 4.0, last: 5.0 }));
        assert_eq!(thirds.map(|thirds| thirds.growth()), Some(25.0));
        assert_eq!(Thirds::of(&[1.0, 2.0]), None);
    }
}
