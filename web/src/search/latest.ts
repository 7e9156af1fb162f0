/**
 * Questions of which only the newest counts. A new one cancels the one before; what still comes for that is dropped.
 * The last answer stays in sight until the next is there, and while nobody can be reached. An answer may come in parts,
 * the quick ones first: each takes the place of the one before.
 */
import { asApiError, type ErrorCode } from '../api/errors';
import { untilAnswered } from '../api/graphql';

export interface Asked<Q, A> {
  /** The newest question; null: none. */
  question: Q | null;
  /** The newest answer that there is, and to what. */
  answer: A | null;
  answerTo: Q | null;
  isPending: boolean;
  /** Why the newest question has no answer yet. It may be asked again by itself. */
  problem: ErrorCode | null;
}

export const NOTHING_ASKED: Asked<never, never> = {
  question: null,
  answer: null,
  answerTo: null,
  isPending: false,
  problem: null,
};

/** `last` is what is in sight, whatever it answers. */
export type Load<Q, A> = (question: Q, signal: AbortSignal, last: A | null) => AsyncIterable<A>;

export class Latest<Q, A> {
  state: Asked<Q, A> = NOTHING_ASKED;
  private running: AbortController | null = null;
  private readonly load: Load<Q, A>;
  private readonly onChange: (state: Asked<Q, A>) => void;

  constructor(load: Load<Q, A>, onChange: (state: Asked<Q, A>) => void) {
    this.load = load;
    this.onChange = onChange;
  }

  ask(question: Q): void {
    const controller = this.begin();
    this.set({ ...this.state, question, isPending: true });
    void this.run(question, controller);
  }

  /** Asks the newest question again. */
  again(): void {
    if (this.state.question !== null) this.ask(this.state.question);
  }

  /** Nothing is asked and nothing is shown any more. */
  forget(): void {
    this.begin();
    this.set(NOTHING_ASKED);
  }

  private begin(): AbortController {
    this.running?.abort();
    this.running = new AbortController();
    return this.running;
  }

  private async run(question: Q, controller: AbortController): Promise<void> {
    const { signal } = controller;
    const attempt = async () => {
      try {
        for await (const answer of this.load(question, signal, this.state.answer)) {
          if (signal.aborted) return;
          this.set({ question, answer, answerTo: question, isPending: true, problem: null });
        }
      } catch (error) {
        if (!signal.aborted) this.set({ ...this.state, problem: asApiError(error).code });
        throw error;
      }
    };
    try {
      await untilAnswered(attempt, () => !signal.aborted);
      if (!signal.aborted) this.set({ ...this.state, isPending: false });
    } catch (error) {
      if (signal.aborted) return;
      this.set({ ...this.state, isPending: false, problem: asApiError(error).code });
    }
  }

  private set(state: Asked<Q, A>): void {
    this.state = state;
    this.onChange(state);
  }
}
