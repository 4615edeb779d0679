'use strict';

module.exports = { ...require('./lib/check.js'), ...require('./lib/errors.js'), ...require('./lib/binary.js') };
