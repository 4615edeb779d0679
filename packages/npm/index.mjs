import goldwire from './index.js';

export const { GoldwireDeviation, GoldwireError, binary, check } = goldwire;
