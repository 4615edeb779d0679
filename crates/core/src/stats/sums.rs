//! Mean and variance that do not depend on the order of addition.

/// A sum and a sum of squares in billionths. They are integers, so that the order of additions does not matter,
/// unlike with floating-point numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    n: u32,
    sum: i128,
    squares: i128,
}

const UNIT: f64 = 1e9;

impl Sums {
    /// The sums of a single value, at most about a million.
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates; logarithms and shares are small")]
    pub fn one(value: f64) -> Sums {
        let whole = i128::from((value * UNIT).round() as i64);
        Sums { n: 1, sum: whole, squares: whole * whole }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: Sums) {
        self.n = self.n.saturating_add(other.n);
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// The number of values.
    pub fn n(self) -> u32 {
        self.n
    }

    /// The mean; zero for no values.
    #[expect(clippy::cast_precision_loss, reason = "nine digits are more than enough")]
    pub fn mean(self) -> f64 {
        self.sum as f64 / UNIT / f64::from(self.n.max(1))
    }

    /// The sum of the squared differences from the mean.
    #[expect(clippy::cast_precision_loss, reason = "the difference is taken in whole numbers")]
    pub fn scatter(self) -> f64 {
        let n = i128::from(self.n.max(1));
        (n * self.squares - self.sum * self.sum) as f64 / (UNIT * UNIT) / f64::from(self.n.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_scatter_are_exact_in_any_order() {
        let of = |values: &[f64]| {
            let mut sums = Sums::default();
            values.iter().for_each(|value| sums.merge(Sums::one(*value)));
            sums
        };
        let sums = of(&[1.0, 2.5, -3.0, 0.1]);
        assert_eq!(sums, of(&[0.1, -3.0, 2.5, 1.0]));
        assert_eq!((sums.n(), sums.mean()), (4, 0.15));
        assert!((sums.scatter() - 16.17).abs() < 1e-9, "{}", sums.scatter());
    }
}
