//! How many digits of a computed number can be believed.
//!
//! Floating-point results carry rounding errors that depend on the expression. They are measured the way Monte Carlo
//! arithmetic does it: the expression is evaluated very many times, each operation disturbed at random by as much as
//! rounding could have done, and the digits in which all evaluations agree are the ones that count.

use super::calculate::Expr;

/// Operations spent on one measurement, whatever the expression: small ones are sampled more often.
const OPERATIONS: usize = 450_000;

/// Half a unit in the last place of an `f64`, relatively.
const ROUNDING: f64 = f64::EPSILON / 2.0;

/// The value, rounded to its significant digits (at most 12); an error when it has no value.
pub(super) fn evaluate(expr: &Expr) -> Result<f64, String> {
    let value = expr.evaluate(&mut |exact| exact)?;
    let samples = (OPERATIONS / expr.operations().max(1)).max(100);
    // The same seed every time: an answer must not depend on luck.
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut worst = 0.0_f64;
    for _ in 0..samples {
        let sample = expr.evaluate(&mut |exact| exact * (1.0 + ROUNDING * noise.next()))?;
        worst = worst.max((sample - value).abs());
    }
    Ok(round_to(value, significant_digits(value, worst)))
}

/// Digits that stay the same within `worst` of `value`, from 1 to 12.
fn significant_digits(value: f64, worst: f64) -> usize {
    (1..=12).rev().find(|digits| worst <= value.abs() * 0.5 * 10_f64.powi(1 - *digits)).map_or(1, |digits| {
        usize::try_from(digits).unwrap_or(1) // 1..=12 always fits
    })
}

/// Rounds through decimal text: multiplying and dividing by a power of ten would add errors of its own.
fn round_to(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// A small random generator (xorshift) with numbers from -1 to 1.
struct Noise(u64);

impl Noise {
    #[expect(clippy::cast_precision_loss, reason = "53 random bits are exactly what an f64 holds")]
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        evaluate(&Expr::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn digits_that_rounding_made_up_are_cut() {
        assert_eq!(value("0.1 + 0.2"), 0.3);
        assert_eq!(value("12 * (3 + 4)"), 84.0);
    }

    #[test]
    fn the_answer_is_the_same_every_time() {
        assert_eq!(value("384400 / 299792.458").to_bits(), value("384400 / 299792.458").to_bits());
    }
}
