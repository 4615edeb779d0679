// One implementation for both kinds of modules: an error of one is then an error of the other.
import goldwire from './index.cjs';

export const { check, binary, GoldwireError, GoldwireDeviation, GoldwireCouldNotJudge, GoldwireUnusable } = goldwire;
