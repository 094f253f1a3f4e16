#!/usr/bin/env node
/** The program `keyhole`: gives a command the process's streams, environment and signals, and ends with its exit code. */
import { askOnTerminal } from './commands/question.ts';
import { runProgram } from './program.ts';
import { Terminal } from './render/terminal.ts';

/** As a shell reports a program that SIGINT ended. */
const interruptedExitCode = 130;

// Whoever reads our output may have had enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const interruption = new AbortController();
let handedOver = false;
process.on('SIGINT', () => {
  // The key was meant for the editor.
  if (handedOver) return;
  if (interruption.signal.aborted) process.exit(interruptedExitCode);
  interruption.abort();
});

// Set, not called: what was written to a pipe must still drain.
process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: new Terminal(process.stdout, process.stderr, process.env),
  cwd: process.cwd(),
  env: process.env,
  interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  ask: askOnTerminal,
  handOver: async (work) => {
    handedOver = true;
    try {
      return await work();
    } finally {
      handedOver = false;
    }
  },
  signal: interruption.signal,
});
