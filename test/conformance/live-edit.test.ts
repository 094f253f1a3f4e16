import { liveEdit } from './live-edit.ts';
import { conformance } from './runner.ts';

conformance(liveEdit);
