#!/usr/bin/env node
// Stands in the checkout before anything is built, so that installing can link it.
import '../bundle/cli.js';
