import { Button } from '@mantine/core';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Question, RawPixels } from '../../core/questions/questions.ts';
import type { Lane } from '../../state/lanes.ts';
import { ownImage } from '../../state/own-image.ts';
import { useLabState } from '../app/lab-context.tsx';
import { RunName } from '../widgets/RunName.tsx';
import { runStyle } from '../widgets/run-style.ts';
import { ClassBars } from './ClassBars.tsx';
import { CropView } from './CropView.tsx';
import { ImageShown } from './ImageShown.tsx';
import { NoAnswer, Refusal } from './NoAnswer.tsx';
import { TestImages } from './TestImages.tsx';
import { inspecting, pixelsShown, useInspecting } from './inspecting.ts';
import { softmax } from './probabilities.ts';
import { askable } from './sides.ts';
import { useAnswer } from './use-answer.ts';
import './own-image.css';

/** What every run of the page says of an image of the user's, or of a test image. */
export function OwnImagePanel() {
  const pixels = useInspecting(pixelsShown);
  const source = useInspecting((state) => state.source);
  const own = useInspecting((state) => state.own);
  const test = useInspecting((state) => state.test);
  const lanes = askable(useLabState((state) => state.lanes)).filter(({ hidden }) => !hidden);
  const [picking, setPicking] = useState(source === 'test' && test !== null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [first] = lanes;
  const input = useRef<HTMLInputElement>(null);

  const take = useCallback(async (file: File | null | undefined): Promise<void> => {
    if (!file) return;
    try {
      inspecting.setState({
        own: { id: Date.now(), file, name: file.name, image: await ownImage(file) },
        source: 'own',
      });
      setRefusal(null);
      setPicking(false);
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
    }
  }, []);

  useEffect(() => {
    const onPaste = ({ clipboardData }: ClipboardEvent): void => {
      const file = [...(clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
      if (file) void take(file);
      else setRefusal('There is no image in the clipboard. Copy one, or choose a file.');
    };
    // Anywhere, and before the page takes it for a run file.
    const onDragOver = (event: DragEvent): void => event.preventDefault();
    const onDrop = (event: DragEvent): void => {
      event.preventDefault();
      void take(event.dataTransfer?.files[0]);
    };
    window.addEventListener('paste', onPaste);
    window.addEventListener('dragover', onDragOver);
    window.addEventListener('drop', onDrop, { capture: true });
    return () => {
      window.removeEventListener('paste', onPaste);
      window.removeEventListener('dragover', onDragOver);
      window.removeEventListener('drop', onDrop, { capture: true });
    };
  }, [take]);
  const useTest = (): void => {
    setPicking(true);
    if (test) inspecting.setState({ source: 'test' });
  };
  const useOwn = (): void => {
    setPicking(false);
    inspecting.setState({ source: 'own' });
  };

  return (
    <div className="inspect-panel">
      <div className="inspect-head">
        <Button size="xs" onClick={() => input.current?.click()}>
          Choose an image
        </Button>
        <input
          ref={input}
          type="file"
          accept="image/*"
          hidden
          onChange={({ currentTarget }) => {
            void take(currentTarget.files?.[0]);
            // The same file again is a change, too.
            currentTarget.value = '';
          }}
        />
        {own && source === 'test' && (
          <Button size="xs" variant="default" onClick={useOwn}>
            Back to your image
          </Button>
        )}
        {!picking && (
          <Button size="xs" variant="default" onClick={useTest}>
            Use a test image
          </Button>
        )}
        <p className="inspect-note">Or paste or drop one: it never leaves this page.</p>
      </div>
      {picking && first && (
        <div className="inspect-head">
          <TestImages run={first.run} />
        </div>
      )}
      {refusal && <Refusal problem={refusal} />}
      {!pixels || (source === 'test' && !picking) ? (
        <p className="inspect-empty">Choose, paste or drop an image to see what each network takes it for.</p>
      ) : (
        <div className="own-image">
          <div className="own-views">
            {source === 'own' && own && <CropView key={own.id} own={own} />}
            <ImageShown />
          </div>
          <div className="own-verdicts">
            {lanes.map((lane) => (
              <RunVerdict key={lane.run} lane={lane} pixels={pixels} truth={source === 'test' ? test?.label : null} />
            ))}
            {lanes.length === 0 && <p className="inspect-empty">All runs are hidden. Show one among the runs.</p>}
          </div>
        </div>
      )}
    </div>
  );
}

/** What one run says as it stands now. */
function RunVerdict({
  lane,
  pixels,
  truth = null,
}: {
  lane: Lane;
  pixels: RawPixels;
  truth?: number | null | undefined;
}) {
  const question = useMemo((): Question<'predict'> => ({ kind: 'predict', pixels }), [pixels]);
  const { latest, stale, problem, again } = useAnswer(lane.run, question);
  const probabilities = useMemo(() => latest && softmax(latest.answer.logits), [latest]);
  if (!latest || !probabilities) {
    return (
      <section className="class-bars" aria-label={lane.spec.name}>
        <RunName lane={lane} />
        <NoAnswer run={lane.run} problem={problem} waiting="Computing ..." onAgain={again} />
      </section>
    );
  }
  return (
    <div>
      {problem && <Refusal problem={problem} onAgain={again} />}
      <ClassBars
        name={lane.spec.name}
        title={
          <>
            <RunName lane={lane} />
            <span className="class-step">step {latest.answer.step.toLocaleString('en')}</span>
          </>
        }
        colour={runStyle(lane.colour).colour}
        probabilities={probabilities}
        truth={truth}
        stale={stale}
      />
    </div>
  );
}
