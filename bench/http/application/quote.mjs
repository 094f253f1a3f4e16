/** What an order costs. */
import { Money } from './money.mjs';

const catalogue = new Map([
  ['book', { cents: 1_890, rate: 7 }],
  ['lamp', { cents: 4_900, rate: 19 }],
  ['pen', { cents: 120, rate: 19 }],
]);
const coupons = new Map([['TEN', (money) => money.times(0.9)]]);

export function quote(order, currency) {
  const lines = order.lines.map((line) => priced(line, currency));
  const net = sumOf(lines, (line) => line.net, currency);
  const reduced = discounted(net, order.coupon);
  const tax = sumOf(lines, (line) => line.tax, currency).times(share(reduced, net));
  return {
    id: order.id,
    customer: order.customer,
    lines: lines.map(shown),
    net: String(reduced),
    tax: String(tax),
    total: String(reduced.plus(tax)),
  };
}

function priced({ sku, count }, currency) {
  const { cents, rate } = productOf(sku);
  const net = new Money(cents, currency).times(count * bulk(count));
  return { sku, count, net, tax: net.times(rate / 100) };
}

function productOf(sku) {
  return catalogue.get(sku) ?? { cents: 0, rate: 0 };
}

const bulk = (count) => (count >= 10 ? 0.95 : 1);
const discounted = (money, coupon) => (coupons.get(coupon) ?? ((same) => same))(money);
const share = (part, whole) => (whole.cents === 0 ? 0 : part.cents / whole.cents);
const sumOf = (lines, of, currency) => lines.reduce((sum, line) => sum.plus(of(line)), new Money(0, currency));
const shown = ({ sku, count, net }) => ({ sku, count, net: String(net) });
