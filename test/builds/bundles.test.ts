import { buildNames, isBundle } from './builds.ts';
import { suite } from './suite.ts';

suite(buildNames.filter(isBundle));
