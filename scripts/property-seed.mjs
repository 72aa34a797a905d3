/*
 * Loaded before every test file: properties run on the same cases each time, so that what passed here passes
 * elsewhere. `npm test -- --fresh-seeds` explores others; a failure names its seed.
 */
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_240_917 });
