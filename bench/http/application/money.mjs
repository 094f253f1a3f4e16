/** An amount in one currency. */
export class Money {
  #cents;
  #currency;

  constructor(cents, currency) {
    this.#cents = cents;
    this.#currency = currency;
  }

  get cents() {
    return this.#cents;
  }

  plus(other) {
    return new Money(this.#cents + other.cents, this.#currency);
  }

  times(factor) {
    return new Money(Math.round(this.#cents * factor), this.#currency);
  }

  toString() {
    return `${(this.#cents / 100).toFixed(2)} ${this.#currency}`;
  }
}
