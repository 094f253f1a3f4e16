/**
 * A second opinion on a journal, written from docs/journal.md alone: none of Keyhole's code is used. `node verify-journal.mjs DIR [SEQ:HASH]` ends with 0 where the
 * chain and all signatures hold (and the remembered head is there), else with 1 and the first line that does not fit.
 */
import { createHash, createPublicKey, hash, verify } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';

const must = (fits, why) => {
  if (!fits) throw new Error(why);
};
const field = (bytes) => Buffer.concat([Buffer.from([0, 0, bytes.length >> 8, bytes.length & 255]), Buffer.from(bytes)]);
const byNumber = (a, b) => parseInt(a, 10) - parseInt(b, 10);
const canonical = (value) => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const fields = Object.keys(value).sort();
  return `{${fields.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
};

/** The first `count` fields of some bytes, each behind its length, and what stands behind them. */
const fields = (bytes, count) => {
  const found = [];
  let at = 0;
  for (let end; found.length < count; at = end) {
    end = at + 4 + bytes.readUInt32BE(at);
    found.push(bytes.subarray(at + 4, end));
  }
  return [...found, bytes.subarray(at)];
};
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const der = (...parts) => Buffer.concat([Buffer.from([0x30, parts.reduce((sum, part) => sum + part.length, 0)]), ...parts]);
const integer = (bytes) => Buffer.concat([Buffer.from([0x02, bytes.length]), bytes]);

/** Whether `signature` (base64 of an SSHSIG) is one of the key `line` in that namespace over what has this SHA-512; a hardware token (sk-) has to have been touched. */
function signed(signature, line, namespace, sha512) {
  const [type, key, blob] = [line.split(' ')[0], Buffer.from(line.split(' ')[1], 'base64'), Buffer.from(signature, 'base64')];
  const common = [field(namespace), field(''), field('sha512')];
  const head = Buffer.concat([Buffer.from('SSHSIG\0\0\0\x01'), field(key), ...common]);
  if (!blob.subarray(0, head.length).equals(head)) return false;
  const isEdwards = type.includes('ed25519');
  const [point, rest] = fields(fields(key, isEdwards ? 1 : 2).at(-1), 1);
  const [, made, told] = fields(fields(blob.subarray(head.length), 1)[0], 2);
  const what = Buffer.concat([Buffer.from('SSHSIG'), ...common, field(sha512)]);
  const bytes = type.startsWith('sk-') ? Buffer.concat([sha256(fields(rest, 1)[0]), told, sha256(what)]) : what;
  if (type.startsWith('sk-') && (told[0] & 1) === 0) return false;
  const prefix = isEdwards ? '302a300506032b6570032100' : '3059301306072a8648ce3d020106082a8648ce3d030107034200';
  const publicKey = createPublicKey({ key: Buffer.concat([Buffer.from(prefix, 'hex'), point]), format: 'der', type: 'spki' });
  return isEdwards ? verify(null, bytes, publicKey, made) : verify('sha256', bytes, publicKey, der(...fields(made, 2).slice(0, 2).map(integer)));
}
const sha512 = (text) => createHash('sha512').update(text).digest();

/** @returns `{ entries, hashes }`: the entries, and the hash of each by its seq. Throws where something does not fit. */
export function verifyJournal(dir) {
  const files = readdirSync(dir)
    .filter((name) => /^\d{8,}\.ndjson$/.test(name))
    .sort(byNumber);
  const [entries, hashes, logins, once, removed] = [[], new Map(), new Map(), new Set(), new Map()];
  const first = parseInt(files[0], 10);
  let [seq, prev, start] = [first - 1, first === 1 ? '0'.repeat(64) : null, null];
  for (const [index, file] of files.entries()) {
    const gap = files[index + 1] && JSON.parse(readFileSync(`${dir}/${files[index + 1]}`, 'utf8').split('\n')[0]).gap;
    const bytes = readFileSync(`${dir}/${file}`).subarray(0, gap?.file === file ? gap.size : undefined);
    must(parseInt(file, 10) === seq + 1 && bytes.at(-1) === 0x0a, `${file}: a segment is missing, or its last line has no end`);
    for (let from = 0, to; from < bytes.length; from = to + 1) {
      to = bytes.indexOf(0x0a, from);
      const line = bytes.subarray(from, to);
      const entry = JSON.parse(line);
      seq += 1;
      must(line.toString().endsWith(`,"crc":"${crc32(line.subarray(0, -18)).toString(16).padStart(8, '0')}"}`), `entry ${seq}: crc`);
      must(entry.seq === seq && (prev === null || entry.prev === prev), `entry ${seq}: seq or prev`);
      start ??= entry.prev;
      prev = hash('sha256', line);
      hashes.set(seq, prev);
      entries.push(entry);
      for (const each of entry.removed ?? []) removed.set(each.last.seq, each.last.hash);
      if (entry.login) logins.set(entry.session, checkLogin(entry));
      if (entry.phase === 'intent' || entry.phase === 'late') checkRequest(entry, logins.get(entry.session), { once, hashes, first });
    }
    if (entries.at(-1).kind === 'rotated') must(files[index + 1] === entries.at(-1).next, `${entries.at(-1).next} is missing`);
  }
  must(first === 1 || removed.get(first - 1) === start, `entries before ${first} are missing, and no checkpoint says why`);
  return { entries, hashes };
}

function checkLogin({ seq, login, operator, fingerprint }) {
  const { publicKey, sessionKey, bootId, message, signature } = login;
  const key = hash('sha256', Buffer.from(publicKey.split(' ')[1], 'base64'), 'base64').replace(/=+$/, '');
  must(
    `SHA256:${key}` === fingerprint && signed(signature, publicKey, 'keyhole-auth', sha512(message)),
    `entry ${seq}: ${operator} did not sign this login`,
  );
  const named = [bootId, publicKey, sessionKey ?? publicKey].every((each) => message.split('\n').includes(JSON.stringify(each)));
  must(named, `entry ${seq}: the login names other keys`);
  return { ...login, operator, fingerprint };
}

function checkRequest({ seq, kind, op, request: params, session, operator, fingerprint, signed: proof }, login, { once, hashes, first }) {
  must(proof && login?.operator === operator && login.fingerprint === fingerprint, `entry ${seq}: nobody signed it`);
  const { service, bootId, publicKey, sessionKey } = login;
  const { head, nonce, request, signature } = proof;
  const text = `${canonical({ bootId, head, nonce, op, params, request, service, session, v: 1 })}\n`;
  const digest = nonce === undefined ? Buffer.from(proof.digest, 'hex') : sha512(text);
  const keys = ['eval', 'export', 'trace'].includes(kind) && sessionKey ? [publicKey, sessionKey] : [publicKey];
  must(
    keys.some((key) => signed(signature, key, 'keyhole', digest)),
    `entry ${seq}: ${operator} did not sign it`,
  );
  const name = `${session} ${nonce === undefined ? proof.digest : request}`;
  must(!once.has(name) && once.add(name), `entry ${seq}: it was signed once, and stands here twice`);
  must(
    head === null || head.seq < first || (head.seq < seq && hashes.get(head.seq) === head.hash),
    `entry ${seq}: ${operator} had seen another journal`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { entries, hashes } = verifyJournal(process.argv[2]);
    const [seq, known] = (process.argv[3] ?? '').split(':');
    must(known === undefined || hashes.get(Number(seq)) === known, `the journal does not hold ${process.argv[3]}`);
    console.log(`ok: ${entries.length} entries, head ${entries.at(-1).seq}:${hashes.get(entries.at(-1).seq)}`);
  } catch (error) {
    console.log(`broken: ${error.message}`);
    process.exitCode = 1;
  }
}
