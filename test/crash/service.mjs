/** What is killed: a service whose one function is patched again and again. */
export function price() {
  return 1;
}
setInterval(() => price(), 1_000);
console.log('ready');
