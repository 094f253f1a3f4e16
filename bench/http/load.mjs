/** Load at the cost of as little of the machine as can be: raw sockets, one request at a time each, answers told by their length alone. */
import { once } from 'node:events';
import { connect } from 'node:net';

const connections = 16;
const order = JSON.stringify({
  customer: 'c7',
  lines: [
    { sku: 'book', count: 2 },
    { sku: 'lamp', count: 1 },
    { sku: 'pen', count: 12 },
  ],
  coupon: 'TEN',
});
const request = `POST /orders/42/quote?currency=EUR HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: ${order.length}\r\n\r\n${order}`;

/** @returns {Promise<number>} how many requests were answered. */
export async function load({ port, forMs }) {
  const endAt = performance.now() + forMs;
  const counts = await Promise.all(Array.from({ length: connections }, () => oneConnection(port, endAt)));
  return counts.reduce((sum, each) => sum + each, 0);
}

async function oneConnection(port, endAt) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const length = await lengthOfAnswer(socket);
  let answered = 0;
  await new Promise((resolve, reject) => {
    let missing = length;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the service closed a connection')));
    socket.on('data', (chunk) => {
      missing -= chunk.length;
      if (missing > 0) return;
      answered += 1;
      missing = length;
      if (performance.now() >= endAt) resolve();
      else socket.write(request);
    });
    socket.write(request);
  });
  socket.removeAllListeners('close').destroy();
  return answered;
}

/** All answers to our one request are of one length, since the service names the time in a header of fixed length only. */
async function lengthOfAnswer(socket) {
  socket.write(request);
  let text = '';
  for (;;) {
    const [chunk] = await once(socket, 'data');
    text += chunk;
    const head = text.indexOf('\r\n\r\n');
    if (head < 0) continue;
    if (!text.startsWith('HTTP/1.1 200')) throw new Error(text);
    const length = head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1]);
    if (text.length >= length) return length;
  }
}
