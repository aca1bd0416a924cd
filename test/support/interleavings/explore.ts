import { createHash } from 'node:crypto';

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

interface Node<State> {
  readonly state: State;
  readonly index: number;
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
export function explore<State>(problem: Problem<State>, disturbances: number): Explored {
  const exploration = new Exploration(problem, disturbances);
  return exploration.run();
}

class Exploration<State> {
  private readonly problem: Problem<State>;
  private readonly disturbances: number;
  private readonly seen = new Set<string>();
  /** Reached with the last disturbance. What is found again with fewer has its turn there, with one more to spend. */
  private readonly last = new Set<string>();
  private readonly way = new Way();
  private later = new Map<string, Node<State>>();
  private moves = 0;

  constructor(problem: Problem<State>, disturbances: number) {
    this.problem = problem;
    this.disturbances = disturbances;
  }

  run(): Explored {
    const { first } = this.problem;
    const statesBy: number[] = [];
    this.later.set(this.idOf(first), { state: first, index: this.way.add(-1, 'start') });
    for (let used = 0; used < Math.max(1, this.disturbances); used++) {
      const before = this.seen.size;
      const due = [...this.later].filter(([id]) => !this.seen.has(id));
      this.later = new Map();
      for (const [id, node] of due) {
        this.seen.add(id);
        this.goOn(node, this.seen, (move, state, from) => this.disturbed(move, state, from, used + 1));
      }
      statesBy.push(this.seen.size - before);
    }
    const fresh = [...this.last].filter((id) => !this.seen.has(id)).length;
    statesBy.push(fresh);
    return { states: this.seen.size + fresh, moves: this.moves, statesBy, longest: this.way.longest };
  }

  /** After the last disturbance nothing is kept for later: its free moves are followed at once. */
  private disturbed(move: Move<State>, state: State, from: number, used: number): void {
    const id = this.idOf(state);
    const isLast = used >= this.disturbances;
    if (this.seen.has(id) || (isLast ? this.last.has(id) : this.later.has(id))) return;
    const node = { state, index: this.way.add(from, move.label) };
    if (!isLast) this.later.set(id, node);
    else if (this.disturbances > 0) {
      this.last.add(id);
      this.goOn(node, this.last, null);
    }
  }

  /** All that follows by free moves alone. */
  private goOn(
    node: Node<State>,
    seen: Set<string>,
    disturb: ((move: Move<State>, state: State, from: number) => void) | null,
  ): void {
    const open = [node];
    for (let at = open.pop(); at !== undefined; at = open.pop())
      for (const move of this.problem.moves(at.state)) {
        if (move.disturbs && disturb === null) continue;
        this.moves++;
        const state = tried(this.way, at.index, move, this.problem.check);
        if (move.disturbs) {
          disturb?.(move, state, at.index);
          continue;
        }
        const id = this.idOf(state);
        if (seen.has(id)) continue;
        seen.add(id);
        open.push({ state, index: this.way.add(at.index, move.label) });
      }
  }

  /** Sixteen bytes for each state: two that share them are as good as impossible. */
  private idOf(state: State): string {
    return createHash('md5').update(this.problem.key(state)).digest('binary');
  }
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
