import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../api/errors';
import { Latest, type Asked } from './latest';

/** Answers when the test says so, in the order the test wants. */
class Server {
  asked: { question: string; signal: AbortSignal; answer: (text: string) => void; fail: (error: Error) => void }[] = [];

  /** An answer that ends with "…" goes on with a further one. */
  load = async function* (this: Server, question: string, signal: AbortSignal) {
    for (let text = '…'; text.endsWith('…'); yield text) text = await this.one(question, signal);
  }.bind(this);

  private one(question: string, signal: AbortSignal) {
    return new Promise<string>((answer, fail) => {
      this.asked.push({ question, signal, answer, fail });
    });
  }

  at(index: number) {
    const it = this.asked[index];
    if (it === undefined) throw new Error(`${this.asked.length} questions were asked`);
    return it;
  }
}

const settled = () => vi.advanceTimersByTimeAsync(0);

let server: Server;
let seen: Asked<string, string>[];
let latest: Latest<string, string>;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('window', { addEventListener: () => undefined, removeEventListener: () => undefined });
  server = new Server();
  seen = [];
  latest = new Latest(server.load, (state) => seen.push(state));
  return () => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  };
});

describe('Latest', () => {
  it('asks at once, and cancels what was asked before', () => {
    latest.ask('a');
    latest.ask('ab');

    expect(server.asked.map(({ question, signal }) => [question, signal.aborted])).toEqual([
      ['a', true],
      ['ab', false],
    ]);
  });

  it('drops an old answer that comes after a new one', async () => {
    latest.ask('a');
    latest.ask('ab');
    server.at(1).answer('new');
    await settled();
    server.at(0).answer('old');
    await settled();

    expect(latest.state).toMatchObject({ answer: 'new', answerTo: 'ab', isPending: false });
    expect(seen.map((it) => it.answer)).not.toContain('old');
  });

  it('drops an old answer that comes before the new one', async () => {
    latest.ask('a');
    latest.ask('ab');
    server.at(0).answer('old');
    await settled();

    expect(latest.state).toMatchObject({ question: 'ab', answer: null, isPending: true });
  });

  it('drops an old failure', async () => {
    latest.ask('a');
    latest.ask('ab');
    server.at(0).fail(new ApiError('INVALID'));
    server.at(1).answer('new');
    await settled();

    expect(latest.state).toMatchObject({ answer: 'new', problem: null });
    expect(seen.every((it) => it.problem === null)).toBe(true);
  });

  it('keeps the last answer in sight until the next is there', async () => {
    latest.ask('a');
    server.at(0).answer('one');
    await settled();
    latest.ask('ab');

    expect(latest.state).toMatchObject({ question: 'ab', answer: 'one', answerTo: 'a', isPending: true });
  });

  it('keeps it while nobody can be reached, says so, and asks again by itself', async () => {
    latest.ask('a');
    server.at(0).answer('one');
    await settled();
    latest.ask('ab');
    server.at(1).fail(new ApiError('NETWORK'));
    await settled();

    expect(latest.state).toMatchObject({ answer: 'one', problem: 'NETWORK', isPending: true });

    await vi.advanceTimersToNextTimerAsync();
    server.at(2).answer('two');
    await settled();

    expect(latest.state).toMatchObject({ answer: 'two', answerTo: 'ab', problem: null, isPending: false });
  });

  it('gives up on what is refused, until it is asked again', async () => {
    latest.ask('a');
    server.at(0).fail(new ApiError('INVALID'));
    await settled();

    expect(latest.state).toMatchObject({ problem: 'INVALID', isPending: false });
    expect(vi.getTimerCount()).toBe(0);

    latest.again();
    server.at(1).answer('one');
    await settled();

    expect(latest.state).toMatchObject({ answer: 'one', problem: null });
  });

  it('asks nothing more for a question that was replaced while it waited for the network', async () => {
    latest.ask('a');
    server.at(0).fail(new ApiError('NETWORK'));
    await settled();
    latest.ask('ab');
    server.at(1).answer('two');
    await vi.runAllTimersAsync();

    expect(latest.state).toMatchObject({ answer: 'two', problem: null });
    expect(server.asked.filter((it) => !it.signal.aborted).map((it) => it.question)).toEqual(['ab']);
  });

  it('shows the quick part at once, and the rest when it is there', async () => {
    latest.ask('a');
    server.at(0).answer('names…');
    await settled();

    expect(latest.state).toMatchObject({ answer: 'names…', answerTo: 'a', isPending: true });

    server.at(1).answer('names and lines');
    await settled();

    expect(latest.state).toMatchObject({ answer: 'names and lines', isPending: false });
  });

  it('drops the rest of an answer to what was replaced meanwhile', async () => {
    latest.ask('a');
    server.at(0).answer('names…');
    await settled();
    latest.ask('ab');
    server.at(2).answer('new');
    await settled();
    server.at(1).answer('old');
    await settled();

    expect(server.at(1).signal.aborted).toBe(true);
    expect(latest.state).toMatchObject({ answer: 'new', answerTo: 'ab', isPending: false });
    expect(seen.map((it) => it.answer)).not.toContain('old');
  });

  it('keeps the quick part where the rest fails, and says so', async () => {
    latest.ask('a');
    server.at(0).answer('names…');
    await settled();
    server.at(1).fail(new ApiError('INVALID'));
    await settled();

    expect(latest.state).toMatchObject({ answer: 'names…', answerTo: 'a', problem: 'INVALID', isPending: false });
  });

  it('forgets', async () => {
    latest.ask('a');
    latest.forget();
    server.at(0).answer('one');
    await settled();

    expect(latest.state).toMatchObject({ question: null, answer: null, isPending: false });
  });
});
