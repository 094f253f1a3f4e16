/** Reads an order out of a request's body. */
export function readOrder(id, text) {
  const json = parsed(text);
  const problem = json === null ? 'not JSON' : problemOf(json);
  return { id, problem, customer: json?.customer, lines: problem === null ? json.lines.map(toLine) : [], coupon: json?.coupon ?? null };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function problemOf({ customer, lines }) {
  if (!isName(customer)) return 'the customer has no name';
  if (!Array.isArray(lines) || lines.length === 0) return 'there are no lines';
  return lines.every(isLine) ? null : 'a line is not a line';
}

const isName = (value) => typeof value === 'string' && value !== '';
const isLine = ({ sku, count }) => isName(sku) && Number.isSafeInteger(count) && count > 0;
const toLine = ({ sku, count }) => ({ sku, count });
