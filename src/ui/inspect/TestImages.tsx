import { Button, NativeSelect } from '@mantine/core';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { CLASSES } from '../../core/network/images.ts';
import type { Question } from '../../core/questions/questions.ts';
import { useLabState } from '../app/lab-context.tsx';
import { NoAnswer } from './NoAnswer.tsx';
import { Tile } from './Tile.tsx';
import { type TestImage, inspecting, useInspecting } from './inspecting.ts';
import { opaque } from './kernel-tiles.ts';
import { useAnswer } from './use-answer.ts';

/** As many test images as are offered: 300 kB of thumbnails that need no scrolling for long. */
const MOST = 100;
const IMAGE_BYTES = 3_072;
const ALL = 'all';

const nameOf = ({ index, label }: TestImage): string => `Test image ${index}: ${CLASSES[label]}`;

/** A strip of the run's first test images: arrow keys, by class, or any of them. */
export function TestImages({ run }: { run: number }) {
  const images = useTestImages(run);
  const test = useInspecting((state) => state.test);
  const source = useInspecting((state) => state.source);
  const [ofClass, setOfClass] = useState(ALL);
  const strip = useRef<HTMLDivElement>(null);
  const shown = useMemo(
    () => images.list.filter(({ label }) => ofClass === ALL || label === Number(ofClass)),
    [images.list, ofClass],
  );
  const choose = (image: TestImage | undefined): void => {
    if (image) inspecting.setState({ test: image, source: 'test' });
  };
  const focus = (image: TestImage | undefined): void =>
    strip.current?.querySelector<HTMLElement>(`[data-index="${image?.index}"]`)?.focus();
  const [first] = images.list;
  useEffect(() => {
    if (first && !inspecting.getState().test) inspecting.setState({ test: first });
  }, [first]);

  const at = shown.findIndex(({ index }) => index === test?.index);
  const onKey = (event: KeyboardEvent): void => {
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: Math.min(shown.length - 1, at + 1),
      ArrowLeft: Math.max(0, at - 1),
      Home: 0,
      End: shown.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(shown[to]);
    focus(shown[to]);
  };
  const random = (): void => {
    const others = shown.filter(({ index }) => index !== test?.index);
    const image = others[Math.floor(Math.random() * others.length)];
    choose(image);
    strip.current
      ?.querySelector(`[data-index="${image?.index}"]`)
      ?.scrollIntoView({ block: 'nearest', inline: 'center' });
  };

  if (images.list.length === 0) {
    return <NoAnswer run={run} problem={images.problem} waiting="Reading test images ..." onAgain={images.again} />;
  }
  return (
    <div className="test-images">
      <NativeSelect
        size="xs"
        aria-label="Class of the test images"
        data={[{ value: ALL, label: 'all classes' }, ...CLASSES.map((label, i) => ({ value: String(i), label }))]}
        value={ofClass}
        onChange={({ currentTarget }) => setOfClass(currentTarget.value)}
      />
      <Button size="xs" variant="default" onClick={random}>
        Random
      </Button>
      <div ref={strip} className="test-strip" role="listbox" aria-label="Test images" onKeyDown={onKey}>
        {shown.map((image, place) => {
          const chosen = source === 'test' && image.index === test?.index;
          return (
            <button
              key={image.index}
              type="button"
              role="option"
              aria-selected={chosen}
              aria-label={nameOf(image)}
              title={nameOf(image)}
              tabIndex={place === Math.max(0, at) ? 0 : -1}
              data-index={image.index}
              onClick={() => choose(image)}
            >
              <Tile rgba={opaque(image.pixels)} width={32} />
            </button>
          );
        })}
      </div>
    </div>
  );
}

/** The run's first test images, in the order of the data set. */
function useTestImages(run: number) {
  const count = useLabState(({ lanes }) => lanes.find((lane) => lane.run === run)?.spec.data.test ?? 0);
  const question = useMemo(
    (): Question<'testImages'> => ({
      kind: 'testImages',
      indices: Array.from({ length: Math.min(MOST, count) }, (_, index) => index),
    }),
    [count],
  );
  const { latest, problem, again } = useAnswer(run, question);
  const list = useMemo((): readonly TestImage[] => {
    if (!latest) return [];
    const { pixels, labels } = latest.answer;
    return Array.from(labels, (label, index) => ({
      index,
      label,
      pixels: pixels.slice(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES),
    }));
  }, [latest]);
  return { list, problem, again };
}
