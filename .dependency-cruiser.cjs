/** The floors of docs/architecture.md: a lower one never imports a higher one, and there are no circles. test/architecture holds this against the sources. */
const agentFloors = ['protocol', 'platform', 'ssh', 'source', 'loader', 'journal', 'host', 'adapters', 'server'];
const consoleFloors = ['render', 'client', 'git|typescript', 'commands', 'repl'];

const upward = (root, floors) =>
  floors.slice(0, -1).map((floor, index) => ({
    name: `${root}-${floor}-imports-upward`,
    severity: 'error',
    from: { path: `packages/${root}/src/(${floor})/` },
    to: { path: `packages/${root}/src/((${floors.slice(index + 1).join('|')})/|[a-z-]+\\.ts$)` },
  }));

/** Each third-party package is known in few places. */
const homes = {
  '@msgpack/msgpack': 'packages/agent/src/protocol/',
  ws: 'packages/(agent/src/server|console/src/client)/',
  acorn: 'packages/(agent/src/source|console/src/(typescript|repl|commands))/',
  'magic-string': 'packages/agent/src/(loader|host/patch)/',
  picomatch: 'packages/agent/src/(loader/selection|server/policy)',
  '@jridgewell/trace-mapping': 'packages/agent/src/source/source-map',
  '@jridgewell/remapping': 'packages/agent/src/loader/composed-map',
  'ts-blank-space': 'packages/console/src/typescript/loaded-typescript',
  '@sveltejs/acorn-typescript': 'packages/console/src/typescript/parse',
  chalk: 'packages/console/src/render/',
  commander: 'packages/console/src/(cli|commands/parse)',
};

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    ...upward('agent', agentFloors),
    ...upward('console', consoleFloors),
    { name: 'agent-knows-no-console', severity: 'error', from: { path: 'packages/agent/src/' }, to: { path: 'packages/console/|@keyhole/console' } },
    {
      name: 'protocol-and-source-are-pure',
      severity: 'error',
      from: { path: 'packages/agent/src/(protocol|source)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'git-runs-in-one-place',
      severity: 'error',
      from: { path: 'packages/', pathNot: 'packages/console/src/(git/repository|client/(sign|identity|ssh|ssh-config)|commands/editor|repl/pager)' },
      to: { path: '^(node:)?child_process$' },
    },
    ...Object.entries(homes).map(([name, home]) => ({
      name: `${name}-has-one-home`,
      severity: 'error',
      from: { path: 'packages/', pathNot: home },
      to: { path: `node_modules/${name}/` },
    })),
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules|packages/[a-z]+/dist' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: `${__dirname}/tsconfig.base.json` },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
