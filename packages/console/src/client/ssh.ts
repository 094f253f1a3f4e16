/**
 * To an agent on another machine by the system's own ssh, with its configuration, keys and known hosts: it runs `keyhole bridge NAME` there, and carries the connection. The operator's
 * key for the agent is used here and never there.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { KeyholeError } from '@keyhole/agent/protocol';
import { bridgePrefix, readBridgeLine } from './bridge-line.ts';
import type { DirectEndpoint, Endpoint } from './endpoint.ts';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Somebody may have to type a passphrase, or touch a key. */
const loginTimeoutMs = 120_000;
/** What a login script prints before is skipped, but not without end. */
const maxPreambleBytes = 65_536;
const maxComplaintBytes = 4_096;
/** As shells say it. */
const notFoundStatus = 127;

/**
 * ssh keeps ignoring what was ignored when it began: Ctrl-C is meant for the evaluation, not for the line it is asked over.
 */
const withoutInterrupt = 'trap "" INT; exec ssh "$@"';
/** It is given no agent, display or port of ours. */
const options = ['-T', '-o', 'ForwardAgent=no', '-o', 'ForwardX11=no', '-o', 'ClearAllForwardings=yes', '-o', 'EscapeChar=none'];

/** @throws {KeyholeError} UNREACHABLE with what ssh said, or what the bridge there said. */
export async function openSsh(
  { user, host, port, name }: Extract<Endpoint, { kind: 'ssh' }>,
  label: string,
  env: NodeJS.ProcessEnv,
): Promise<{ stream: Duplex; endpoint: DirectEndpoint; service: string | null; hostKey: string | null }> {
  const program = env['KEYHOLE_SSH_COMMAND'] || 'keyhole';
  const words = [
    ...options,
    ...(port === null ? [] : ['-p', port]),
    ...(user === null ? [] : ['-l', user]),
    '--',
    host,
    `${program} bridge -- '${name}'`,
  ];
  const child: Child = spawn('/bin/sh', ['-c', withoutInterrupt, 'ssh', ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('utf8')).slice(-maxComplaintBytes);
  });
  // A pipe that breaks is a line that was lost; its other half says so.
  child.stdin.on('error', () => undefined);
  try {
    const said = readBridgeLine(await bridgeLine(child, label, () => complaints, program));
    const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
    // Whoever uses it hears that it is closed.
    stream.on('error', () => stream.destroy());
    stream.on('close', () => end(child));
    return { stream, ...said };
  } catch (error) {
    end(child);
    throw error;
  }
}

/** What ssh has started may outlive it, with the other ends of our pipes. */
function end(child: Child): void {
  child.kill();
  for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
}

function bridgeLine(child: Child, label: string, complaints: () => string, program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    let readBytes = 0;
    const settle = (done: () => void): void => {
      clearTimeout(timer);
      child.stdout.off('data', read);
      child.off('close', ended);
      done();
    };
    const fail = (why: string, hint: string): void =>
      settle(() => reject(new KeyholeError('UNREACHABLE', `${label} can not be reached: ${why}`, hint)));
    const timer = setTimeout(() => fail('ssh did not get there in time', 'Try the same ssh by hand'), loginTimeoutMs);
    const read = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      readBytes += chunk.length;
      for (let end = bytes.indexOf('\n'); end !== -1; end = bytes.indexOf('\n')) {
        const line = bytes.subarray(0, end).toString('utf8').trimEnd();
        bytes = bytes.subarray(end + 1);
        if (!line.startsWith(bridgePrefix)) continue;
        child.stdout.pause();
        settle(() => {
          if (bytes.length > 0) child.stdout.unshift(bytes);
          resolve(line);
        });
        return;
      }
      if (readBytes > maxPreambleBytes) fail('what answers there is not Keyhole', 'Does a login script on that machine print without end?');
    };
    const ended = (status: number | null): void => {
      const said = complaints().trim();
      if (status === notFoundStatus) {
        const hint = `Install @keyhole/console there, or say how it is called with KEYHOLE_SSH_COMMAND (now: ${program})`;
        fail(`there is no keyhole on that machine, for a shell without a terminal${said === '' ? '' : `: ${said}`}`, hint);
      } else fail(said === '' ? `ssh ended with ${status}` : said, 'Try the same ssh by hand');
    };
    child.stdout.on('data', read);
    child.once('close', ended);
    child.once('error', (error) => fail(error.message, 'ssh has to be installed'));
  });
}
