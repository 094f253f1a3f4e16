/** Routes by method and path. */
export class Router {
  #routes = [];

  add(method, pattern, handler) {
    this.#routes.push({ method, parts: partsOf(pattern), handler });
  }

  dispatch(method, url, body) {
    const [path, search = ''] = url.split('?');
    const parts = partsOf(path);
    for (const route of this.#routes) {
      const params = route.method === method ? matched(route.parts, parts) : null;
      if (params !== null) return route.handler({ params, query: new URLSearchParams(search), body });
    }
    return { status: 404, body: { error: 'no such page' } };
  }
}

const partsOf = (path) => path.split('/').filter((part) => part !== '');

function matched(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  const params = {};
  for (const [index, part] of pattern.entries()) {
    if (part.startsWith(':')) params[part.slice(1)] = parts[index];
    else if (part !== parts[index]) return null;
  }
  return params;
}
