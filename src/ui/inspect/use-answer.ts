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
  const view = run === null ? null : lab.live(run);
  const open = view !== null && view.start !== null;
  // Test images and checkpoints stay as they are.
  const moves = question !== null && question.kind !== 'testImages' && !('at' in question);
  const version = moves ? view?.version : 0;
  const [latest, setLatest] = useState<Answered<Kind> | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const repeater = useRef<Repeater<Answer<Kind>> | null>(null);

  useEffect(() => {
    if (run === null || !question || !open) return undefined;
    const made = new Repeater<Answer<Kind>>(
      (signal) => lab.ask(run, question, { signal }),
      (known) => {
        setProblem(known.problem);
        if (known.answer) setLatest({ run, question, answer: known.answer });
      },
      EVERY,
    );
    repeater.current = made;
    setProblem(null);
    return () => {
      made.stop();
      repeater.current = null;
    };
  }, [lab, run, question, open]);
  useEffect(() => repeater.current?.again(), [lab, run, question, open, version]);

  const again = useCallback(() => repeater.current?.again(), []);
  return { latest, stale: latest !== null && (latest.run !== run || latest.question !== question), problem, again };
}
