/** One thing that can happen next. A disturbance uses up one of the allowed number; the way things go anyway is free. */
export interface Move<State> {
  readonly label: string;
  readonly disturbs: boolean;
  /** Carried out only when it is looked at; throws where something came out wrong. */
  readonly next: () => State;
}

export interface Explored {
  readonly states: number;
  readonly moves: number;
  /** New states by number of disturbances that it takes to get there. */
  readonly statesBy: readonly number[];
  /** Moves on the longest of the shortest ways to a state. */
  readonly longest: number;
}

interface Problem<State> {
  readonly first: State;
  readonly moves: (state: State) => readonly Move<State>[];
  /** Equal for states that have the same future. */
  readonly key: (state: State) => string;
  /** Throws where a state must not be. */
  readonly check: (state: State) => void;
}

/**
 * Every state that is reached with at most so many disturbances, at any moments: breadth first by disturbances, the
 * free moves between them to the end (as in M. Musuvathi, S. Qadeer, "Iterative context bounding", PLDI 2007).
 * Throws the first thing that went wrong, with the moves that led there.
 */
export function explore<State>({ first, moves, key, check }: Problem<State>, disturbances: number): Explored {
  const seen = new Set<string>();
  const way = new Way();
  const statesBy: number[] = [];
  let moveCount = 0;
  let later = new Map([[key(first), { state: first, index: way.add(-1, 'start') }]]);
  for (let used = 0; used <= disturbances; used++) {
    const before = seen.size;
    // What a free move reached meanwhile has had its turn, with a disturbance more to spend.
    const due = [...later].filter(([id]) => !seen.has(id));
    for (const [id] of due) seen.add(id);
    const open = due.map(([, node]) => node);
    later = new Map();
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const move of moves(node.state)) {
        if (move.disturbs && used === disturbances) continue;
        moveCount++;
        const state = tried(way, node.index, move, check);
        const id = key(state);
        if (seen.has(id) || (move.disturbs && later.has(id))) continue;
        const reached = { state, index: way.add(node.index, move.label) };
        if (move.disturbs) later.set(id, reached);
        else {
          seen.add(id);
          open.push(reached);
        }
      }
    }
    statesBy.push(seen.size - before);
  }
  return { states: seen.size, moves: moveCount, statesBy, longest: way.longest };
}

function tried<State>(way: Way, from: number, move: Move<State>, check: (state: State) => void): State {
  try {
    const state = move.next();
    check(state);
    return state;
  } catch (error) {
    const steps = [...way.to(from), move.label].map((label, i) => `${i}. ${label}`);
    throw new Error(`${String(error)}\n${steps.join('\n')}`, { cause: error });
  }
}

/** How each state was reached, as a tree of labels. */
class Way {
  longest = 0;
  private readonly parents: number[] = [];
  private readonly labels: string[] = [];
  private readonly depths: number[] = [];

  add(parent: number, label: string): number {
    const depth = parent < 0 ? 0 : (this.depths[parent] ?? 0) + 1;
    this.longest = Math.max(this.longest, depth);
    this.depths.push(depth);
    this.labels.push(label);
    return this.parents.push(parent) - 1;
  }

  to(index: number): string[] {
    const labels: string[] = [];
    for (let at = index; at >= 0; at = this.parents[at] ?? -1) labels.push(this.labels[at] ?? '');
    return labels.toReversed();
  }
}
