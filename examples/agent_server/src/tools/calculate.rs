//! `calculate`: arithmetic with `+ - * / ^ ( )` and decimals.

use super::{Outcome, precision};

/// Longest expression, in bytes.
const LONGEST: usize = 200;
/// Deepest nesting; evaluation recurses.
const DEEPEST: usize = 40;

/// An expression, parsed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    Negative(Box<Expr>),
    Binary(Sign, Box<(Expr, Expr)>),
}

/// An operator with two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
    Times,
    Over,
    Power,
}

/// Runs the tool.
pub(crate) fn calculate(expression: &str) -> Outcome {
    match Expr::parse(expression).and_then(|expr| precision::evaluate(&expr)) {
        Ok(value) => Outcome::Value { value },
        Err(error) => Outcome::Failed { error },
    }
}

impl Expr {
    /// Reads an expression. `^` binds tightest and to the right; a minus sign binds weaker than `^`: `-2^2` is `-4`.
    pub(crate) fn parse(text: &str) -> Result<Expr, String> {
        if text.len() > LONGEST {
            return Err(format!("longer than {LONGEST} bytes"));
        }
        let mut reader = Reader { rest: text.trim_start(), depth: 0 };
        let expr = reader.sum()?;
        if reader.rest.is_empty() { Ok(expr) } else { Err(format!("unexpected `{}`", reader.rest)) }
    }

    /// Two numbers put together.
    pub(super) fn binary(sign: Sign, left: Expr, right: Expr) -> Expr {
        Expr::Binary(sign, Box::new((left, right)))
    }

    /// How many operations it takes.
    pub(crate) fn operations(&self) -> usize {
        match self {
            Expr::Number(_) => 0,
            Expr::Negative(inner) => inner.operations(),
            Expr::Binary(_, sides) => 1 + sides.0.operations() + sides.1.operations(),
        }
    }

    /// The value; `disturb` is given the result of each operation and may change it.
    pub(super) fn evaluate(&self, disturb: &mut impl FnMut(f64) -> f64) -> Result<f64, String> {
        let value = match self {
            Expr::Number(value) => return Ok(*value),
            Expr::Negative(inner) => return Ok(-inner.evaluate(disturb)?),
            Expr::Binary(sign, sides) => {
                let (left, right) = (sides.0.evaluate(disturb)?, sides.1.evaluate(disturb)?);
                match sign {
                    Sign::Plus => left + right,
                    Sign::Minus => left - right,
                    Sign::Times => left * right,
                    Sign::Over if right == 0.0 => return Err("division by zero".to_owned()),
                    Sign::Over => left / right,
                    Sign::Power => left.powf(right),
                }
            }
        };
        if value.is_finite() {
            Ok(disturb(value))
        } else {
            Err("the result is not a finite number".to_owned())
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    /// Takes one of the signs, and the space behind it.
    fn take(&mut self, signs: &[(char, Sign)]) -> Option<Sign> {
        let (_, sign) = signs.iter().find(|(text, _)| self.rest.starts_with(*text))?;
        self.rest = self.rest[1..].trim_start();
        Some(*sign)
    }

    fn sum(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("nested too deeply".to_owned());
        }
        let mut left = self.product()?;
        while let Some(sign) = self.take(&[('+', Sign::Plus), ('-', Sign::Minus)]) {
            left = Expr::binary(sign, left, self.product()?);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.signed()?;
        while let Some(sign) = self.take(&[('*', Sign::Times), ('/', Sign::Over)]) {
            left = Expr::binary(sign, left, self.signed()?);
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Expr, String> {
        let mut negative = false;
        while let Some(sign) = self.take(&[('+', Sign::Plus), ('-', Sign::Minus)]) {
            negative ^= sign == Sign::Minus;
        }
        let power = self.power()?;
        Ok(if negative { Expr::Negative(Box::new(power)) } else { power })
    }

    fn power(&mut self) -> Result<Expr, String> {
        let base = self.atom()?;
        if self.take(&[('^', Sign::Power)]).is_none() {
            return Ok(base);
        }
        self.depth += 1; // `2^2^2^…` recurses as brackets do
        if self.depth > DEEPEST {
            return Err("nested too deeply".to_owned());
        }
        let exponent = self.signed()?;
        self.depth -= 1;
        Ok(Expr::binary(Sign::Power, base, exponent))
    }

    fn atom(&mut self) -> Result<Expr, String> {
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest.trim_start();
            let inner = self.sum()?;
            let rest = self.rest.strip_prefix(')').ok_or("a bracket is not closed")?;
            self.rest = rest.trim_start();
            return Ok(inner);
        }
        let end = self.rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.');
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let value = number.parse().map_err(|_| match self.rest.chars().next() {
            Some(sign) => format!("a number was expected at `{sign}`"),
            None => "a number was expected at the end".to_owned(),
        })?;
        self.rest = rest.trim_start();
        Ok(Expr::Number(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<f64, String> {
        Expr::parse(text)?.evaluate(&mut |exact| exact)
    }

    #[test]
    fn operators_bind_as_on_paper() {
        for (text, expected) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("2 ^ 3 ^ 2", 512.0),
            ("-2^2", -4.0),
            ("2^-1", 0.5),
            ("10 - 4 - 3", 3.0),
            ("12*(3+4)", 84.0),
            (".5 * 4", 2.0),
            ("1 - -1", 2.0),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_arithmetic_says_so() {
        for text in ["", "1 +", "(1", "1)", "1.2.3", "two", "1 / (2 - 2)", "9^9^9^9"] {
            assert!(value(text).is_err(), "{text}");
        }
        assert!(value(&"(".repeat(100)).unwrap_err().contains("deeply"));
        assert!(value(&"2^".repeat(90)).unwrap_err().contains("deeply"));
    }
}
