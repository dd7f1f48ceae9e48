import { ActionIcon, Button } from '@mantine/core';
import { ArrowDown, ArrowUp, Plus, X } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef } from 'react';
import type { ListField } from '../../core/spec/list.ts';
import { settingOf } from '../../core/spec/network.ts';
import type { OptionList } from '../../core/spec/options.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { SOURCES } from './OptionFields.tsx';
import { PlainOption } from './PlainOption.tsx';
import { useDraftValue, useProblem } from './fields.tsx';
import { fieldsOf, shownEntries, swappedAt, withOneMore, withValue, without } from './list-editing.ts';
import './list-option.css';

/** A list of objects as cards, in order: what each says, one more, one less, earlier and later. */
export function ListOption({ field }: { field: ListField }) {
  const { actions } = useLab();
  const path = `scheme.${field.key}`;
  const given = useDraftValue(path);
  const problem = useProblem(path);
  // Where the draft has problems, defaults are those of the run that is open.
  const spec = useLabState(({ parsed, opened }) => (parsed.ok ? parsed.spec : opened));
  const setting = useMemo(() => (spec ? settingOf(spec) : null), [spec]);
  const { box, focusNext } = useFocusNext();
  if (!setting) return null;
  const place = { field, path, setting };
  const list = shownEntries(given, place);
  const edit = (next: OptionList, focus?: string): void => {
    if (focus !== undefined) focusNext(focus);
    actions.edit(path, next);
  };
  const full = list.length >= field.most;
  const noun = field.entry.toLowerCase();
  return (
    <div className="list-option" role="group" aria-label={field.label} ref={box}>
      <p className="list-label" title={field.help}>
        {field.label}
      </p>
      {list.map((entry, index) => {
        const name = `${field.entry} ${index + 1}`;
        const last = index === list.length - 1;
        return (
          // Entries have no identity but their place.
          <div key={index} className="entry" role="group" aria-label={name}>
            <div className="entry-head">
              <strong>{name}</strong>
              <Act
                act={`earlier-${index}`}
                label={`Move ${noun} ${index + 1} earlier`}
                disabled={index === 0}
                icon={<ArrowUp size={13} />}
                onClick={() =>
                  edit(swappedAt(list, index - 1, field), index === 1 ? 'later-0' : `earlier-${index - 1}`)
                }
              />
              <Act
                act={`later-${index}`}
                label={`Move ${noun} ${index + 1} later`}
                disabled={last}
                icon={<ArrowDown size={13} />}
                onClick={() =>
                  edit(
                    swappedAt(list, index, field),
                    index === list.length - 2 ? `earlier-${index + 1}` : `later-${index + 1}`,
                  )
                }
              />
              <Act
                act={`remove-${index}`}
                label={`Remove ${noun} ${index + 1}`}
                disabled={list.length <= field.least}
                icon={<X size={13} />}
                onClick={() =>
                  edit(
                    without(list, index),
                    list.length - 1 > field.least ? `remove-${Math.min(index, list.length - 2)}` : 'add',
                  )
                }
              />
            </div>
            <div className="entry-fields">
              {fieldsOf(entry, field).map((own) => (
                <EntryField
                  key={own.key}
                  field={own}
                  name={`${name} ${inSentence(own.label)}`}
                  path={`${path}.${index}.${own.key}`}
                  value={entry[own.key]}
                  onChange={(value) => edit(withValue(list, index, own.key, value, place))}
                />
              ))}
            </div>
            <EntryProblem path={`${path}.${index}`} />
          </div>
        );
      })}
      {problem && <p className="setup-problems">{problem}</p>}
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<Plus size={14} />}
        data-act="add"
        disabled={full}
        title={full ? `At most ${field.most}.` : undefined}
        onClick={() => edit(withOneMore(list, place))}
      >
        {`Add ${noun}`}
      </Button>
      <details className="list-help">
        <summary>{`What a ${noun} says`}</summary>
        <p>
          {field.help} <Source of={field} />
        </p>
        <dl>
          {field.item.map((own) => (
            <div key={own.key}>
              <dt>{own.label}</dt>
              <dd>
                {own.help} <Source of={own} />
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}

const Source = ({ of }: { of: Pick<ListField, 'source'> }) => (
  <span className="source">Default: {SOURCES[of.source]}.</span>
);

/** A label within a sentence: abbreviations keep their capitals. */
const inSentence = (label: string): string =>
  /^[A-Z][a-z]/.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label;

type EntryFieldProps = Omit<Parameters<typeof PlainOption>[0], 'error'> & { readonly path: string };

function EntryField({ path, ...props }: EntryFieldProps) {
  const problem = useProblem(path);
  // The path is where one looks; half a column has no room for it.
  const [first, ...rest] = problem?.startsWith(`${path}: `) ? problem.slice(path.length + 2) : (problem ?? '');
  const error = first && first.toUpperCase() + rest.join('');
  return <PlainOption {...props} size="xs" title={props.field.help} error={error} />;
}

function EntryProblem({ path }: { path: string }) {
  const problem = useProblem(path);
  return problem ? <p className="setup-problems">{problem}</p> : null;
}

interface ActProps {
  readonly act: string;
  readonly label: string;
  readonly disabled: boolean;
  readonly icon: ReactNode;
  onClick(): void;
}

const Act = ({ act, label, disabled, icon, onClick }: ActProps) => (
  <ActionIcon
    size={22}
    variant="subtle"
    color="gray"
    data-act={act}
    aria-label={label}
    title={label}
    disabled={disabled}
    onClick={onClick}
  >
    {icon}
  </ActionIcon>
);

/** Keeps the keyboard's focus with an entry that was moved, and on the page when one was removed. */
function useFocusNext() {
  const box = useRef<HTMLDivElement>(null);
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    const act = wanted.current;
    if (act === null) return;
    wanted.current = null;
    box.current?.querySelector<HTMLButtonElement>(`[data-act="${act}"]`)?.focus();
  });
  return {
    box,
    focusNext(act: string): void {
      wanted.current = act;
    },
  };
}
