import { conformance } from './runner.ts';

conformance('slots', {});
