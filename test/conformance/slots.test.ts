import { conformance } from './runner.ts';
import { slots } from './slots.ts';

conformance(slots);
