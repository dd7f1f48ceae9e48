import { useCallback, useEffect, useRef, useState } from 'react';
import type { Answer, Question, QuestionKind } from '../../core/questions/questions.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { Repeater } from './repeater.ts';

/** Milliseconds between two questions about a run that trains. */
const EVERY = 1_000;

/** An answer, and what was asked of which run. */
export interface Answered<Kind extends QuestionKind> {
  readonly run: number;
  readonly question: Question<Kind>;
  readonly answer: Answer<Kind>;
}

export interface Asked<Kind extends QuestionKind> {
  /** The latest answer; of an earlier question until the present one is answered. */
  readonly latest: Answered<Kind> | null;
  /** Whether `latest` answers an earlier question, or another run. */
  readonly stale: boolean;
  /** Why there is no newer answer: a sentence. */
  readonly problem: string | null;
  again(): void;
}

/**
 * Asks about a run, once it is open, and again when the run has moved on, at most once a second. `question` must be the
 * same object from render to render while the same is asked.
 */
export function useAnswer<Kind extends QuestionKind>(run: number | null, question: Question<Kind> | null): Asked<Kind> {
  const lab = useLab();
  useLabState(({ published }) => published);
  const open = run !== null && lab.live(run).start !== null;
  const [latest, setLatest] = useState<Answered<Kind> | null>(null);
  const [refused, setRefused] = useState<Omit<Answered<Kind>, 'answer'> & { readonly why: string | null }>();
  const repeater = useRef<Repeater<Answer<Kind>> | null>(null);

  useEffect(() => {
    if (run === null || !question || !open) return undefined;
    const made = new Repeater<Answer<Kind>>(
      (signal) => lab.ask(run, question, { signal }),
      ({ answer, problem }) => {
        setRefused({ run, question, why: problem });
        if (answer) setLatest({ run, question, answer });
      },
      EVERY,
    );
    repeater.current = made;
    made.again();
    // Test images and checkpoints stay as they are.
    const moves = question.kind !== 'testImages' && !('at' in question);
    let { version } = lab.live(run);
    const leave = lab.store.subscribe(() => {
      const now = lab.live(run).version;
      if (moves && now !== version) made.again();
      version = now;
    });
    return () => {
      leave();
      made.stop();
      repeater.current = null;
    };
  }, [lab, run, question, open]);

  const again = useCallback(() => repeater.current?.again(), []);
  const present = (of: Omit<Answered<Kind>, 'answer'> | null | undefined): boolean =>
    of?.run === run && of?.question === question;
  return {
    latest,
    stale: latest !== null && !present(latest),
    problem: present(refused) ? (refused?.why ?? null) : null,
    again,
  };
}
