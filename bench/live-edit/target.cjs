function step(value) {
  return value + 1;
}
exports.hot = function hot(count) {
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += step(index);
  return sum;
};
