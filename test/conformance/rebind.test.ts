import { rebind } from './rebind.ts';
import { conformance } from './runner.ts';

conformance(rebind);
