/** Every bound of the protocol, with its reason. Each has an error code in errors.ts. */
export const limits = {
  /** Before a key is proven: a hello and an auth frame need less than 2 KiB. */
  maxUnauthenticatedFrameBytes: 65_536,
  /** A request: the largest is a push of some functions. An answer: the text of a module with its map. */
  maxFrameBytes: 8_388_608,
  /** All that a connection may send before a key is proven. */
  maxUnauthenticatedBytes: 131_072,
  /** Line and headers of the request that opens a websocket. */
  maxHeaderBytes: 8_192,
  /** Pieces of one message; more is no message of ours (a flood of tiny fragments held 68 MB without this bound). */
  maxFragments: 16,
  maxDepth: 32,
  maxNodes: 100_000,
  /** A terminal client that has not proven its key after this long is not a terminal client. */
  authTimeoutMs: 10_000,
  /** The request has to be there, and a TLS handshake done, after this. */
  requestTimeoutMs: 3_000,
  maxSessions: 8,
  /** Connections without a proven key that are served at a time; more of them wait their turn. */
  maxUnauthenticatedConnections: 4,
  maxWaitingConnections: 16,
  /** Of one address; the Unix socket counts as one. */
  maxWaitingOfOneSource: 8,
  /** Where others wait, whoever has not proven a key by now makes room. */
  crowdedTimeoutMs: 400,
  /** Attempts of one address that may fail at once, and how many more each second. Then its next connections wait. */
  maxFailedAttempts: 10,
  failedAttemptsPerSecond: 10,
  maxPendingRequests: 32,
  /** Looking may take a hundredth of the main thread, and two seconds at once where nobody looked before. */
  maxLookMsPerSecond: 10,
  maxLookBurstMs: 2_000,
  /** A look whose turn does not come is answered BUSY after this. */
  lookWaitMs: 10_000,
  /** What looking may take while it lives on what is saved up, in milliseconds a second: three quarters of the time are the service's. */
  lookPaceMsPerSecond: 250,
  /** How long a change waits for other operators, and how many may wait. */
  approvalWaitMs: 900_000,
  maxWaitingChanges: 8,
  maxApprovals: 5,
  /** New imports of one function. */
  maxPatchImports: 50,
  /** Commits that one push can name. */
  maxPushedCommits: 100,
  /** A longer string is cut and paged. */
  maxStringLength: 10_000,
  /** Rows of one page of an opened value. */
  maxPageSize: 100,
  /** Handles a session may hold; the oldest are released first. */
  maxHandles: 1_000,
  /** Handles of all sessions; where they are many, each may hold less, but never less than this. */
  maxHandlesInAll: 8_000,
  minHandles: 250,
  /** Characters of long texts behind them; one text may be longer. */
  maxHeldCharacters: 16_777_216,
  /** Objects that a session may name again by `$3`: each is kept from the garbage collection, with all that hangs on it. */
  maxKeptValues: 20,
  maxDepthOfInspection: 5,
  /** Rows that one request opens below the first level; what is below stays closed. */
  maxOpenedRows: 500,
  /** Source of one expression or one function. */
  maxSourceBytes: 262_144,
  defaultEvaluationTimeoutMs: 5_000,
  maxEvaluationTimeoutMs: 600_000,
  /** A change that stops the process longer than this is refused unless the operator says otherwise. */
  defaultMaxPauseMs: 50,
  /** A probation: shorter than a second nobody can confirm; longer than a day nobody remembers. */
  minConfirmMs: 1_000,
  maxConfirmMs: 86_400_000,
  /** How long `ifErrors` counts, and the most it may allow. */
  errorWatchMs: 60_000,
  maxErrorsAllowed: 1_000_000,
  /** Real calls that one shadow run looks at, and how long it may wait for them. */
  maxShadowCalls: 1_000,
  minShadowMs: 1_000,
  defaultShadowMs: 60_000,
  maxShadowMs: 600_000,
  /** Functions in one shadow run. */
  maxShadowFunctions: 20,
  /** Functions in one watch: each is compiled and changed in one turn. */
  maxWatchedFunctions: 20,
  defaultWatchedCalls: 20,
  maxWatchedCalls: 100_000,
  /** Calls that are shown in a second. */
  defaultWatchRate: 50,
  maxWatchRate: 1_000,
  /** A watch that nobody ends. */
  minWatchMs: 100,
  defaultWatchMs: 3_600_000,
  maxWatchMs: 86_400_000,
  maxWatchStack: 20,
  /** What looking may take of the main thread, in per cent. */
  defaultWatchBudgetPercent: 1,
  maxWatchBudgetPercent: 50,
  /** Arguments of one call that are shown. */
  maxWatchedArguments: 10,
  /** Calls that have begun and may be shown when they end; more are not looked at. */
  maxOpenCalls: 1_000,
  /** Calls that wait for a console which does not read as fast. */
  maxUnreadCalls: 500,
  /** Calls that a session may keep with all that they hold. */
  maxRecordedCalls: 100,
  /** An interval of a monitor. */
  minMonitorMs: 1_000,
  defaultMonitorMs: 5_000,
  maxMonitorMs: 3_600_000,
  maxMonitorIntervals: 100_000,
  /** Calls whose callers are looked at. */
  defaultStackCalls: 100,
  maxStackCalls: 10_000,
  defaultStackFrames: 8,
  /** Ways to one function that are told apart. */
  maxStacks: 100,
  /** Functions that one trace looks at, call trees that it shows, and places in one of them. */
  maxTracedFunctions: 100,
  defaultTrees: 5,
  maxTrees: 1_000,
  maxTreeNodes: 300,
  /** How long a change waits for the service to call a function by itself. */
  defaultCaptureWaitMs: 10_000,
  maxCaptureWaitMs: 600_000,
  minProfileMs: 100,
  maxProfileMs: 300_000,
  /** Ways to an object that are shown, each by another holder. */
  defaultRetainers: 3,
  maxRetainers: 50,
  /** From this part of its limit on, a heap counts as nearly full. */
  fullHeapShare: 0.85,
  /** How long an actor stays suspended where nobody resumes it. */
  minSuspendMs: 100,
  defaultSuspendMs: 60_000,
  maxSuspendMs: 3_600_000,
  /** An actor that is followed: changes that are shown, in all and in a second; how often it is looked at; levels of its state. */
  defaultFollowedChanges: 100,
  defaultFollowRate: 20,
  minFollowMs: 100,
  defaultFollowMs: 1_000,
  maxFollowMs: 3_600_000,
  defaultFollowDepth: 3,
  /** Actors of one adapter in a list. */
  maxListedActors: 500,
  /** The JSON that an actor's state is set to. */
  maxStateValueLength: 65_536,
  /** A hotfix file, its patches, and the pushes that these are made of. */
  maxHotfixBytes: 33_554_432,
  maxHotfixPatches: 200,
  maxHotfixPushes: 1_000,
  /** Texts of patches in one page of the history: it goes into one frame. */
  maxHistoryPageBytes: 2_097_152,
} as const;
