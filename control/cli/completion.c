/* SPDX-License-Identifier: BSD-3-Clause
 * The script that completes this command's words in bash, generated from the grammar's table. The command's only
 * thread.
 *
 * Three functions of data (what may follow an object, what begins an argument, what a keyword's value can be) and a
 * fixed one that walks the line. It splits the line itself: bash's COMP_WORDS would break IPv6 addresses at colons. */
#include "control/cli/run.h"

#include "control/cli/parse.h"

/* Walks the line: skips options, finds object and verb, steps over keywords with their values, and knows then whether a
 * keyword or a value is wanted. */
static const char *const walk[] = {
    "_culvert() {",
    "  local line=${COMP_LINE:0:COMP_POINT} cur prev= command i=1 word",
    "  local -a words args=()",
    "  read -ra words <<<\"$line\"",
    "  [[ $line == *[[:space:]] ]] && words+=('')",
    "  cur=${words[-1]}",
    "  COMPREPLY=()",
    "  for word in \"${words[@]:0:${#words[@]}-1}\"; do",
    "    if [[ -n $prev ]]; then prev=",
    "    elif [[ \" $_culvert_value_options \" == *\" $word \"* ]]; then prev=$word",
    "    elif [[ $word != -?* ]]; then args+=(\"$word\")",
    "    fi",
    "  done",
    "  if [[ -n $prev ]]; then mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return; fi",
    "  if [[ $cur == -* ]]; then word=$_culvert_options",
    "  elif ((${#args[@]} < 2)); then word=$(_culvert_verbs '')",
    "  elif [[ ${args[1]} == help ]]; then",
    "    case ${#args[@]} in",
    "    2) word=$(_culvert_verbs '') ;;",
    "    3) word=$(_culvert_verbs \"${args[2]}\") ;;",
    "    *) return ;;",
    "    esac",
    "  elif ((${#args[@]} < 3)) && [[ -n $(_culvert_verbs \"${args[1]}\") ]]; then",
    "    word=$(_culvert_verbs \"${args[1]}\")",
    "  else",
    "    command=${args[1]} i=2",
    "    [[ -n $(_culvert_verbs \"$command\") ]] && command+=\" ${args[2]}\" i=3",
    "    _culvert_arguments \"$command\" \"${args[@]:i}\"",
    "    return",
    "  fi",
    "  mapfile -t COMPREPLY < <(compgen -W \"$word\" -- \"$cur\")",
    "}",
    "",
    "# command, then the words after it: cur is the caller's",
    "_culvert_arguments() {",
    "  local command=$1 files= left value word; shift",
    "  left=$(_culvert_words \"$command\")",
    "  while (($#)); do",
    "    for word in $left; do # what is given is not offered again, nor what it excludes",
    "      [[ \"|$word|\" == *\"|$1|\"* ]] && left=\" $left \" && left=${left/ $word / }",
    "    done",
    "    value=$(_culvert_values \"$command\" \"$1\")",
    "    case $value in",
    "    '') left=${left/@file/}; shift ;;",
    "    @maybe) shift; [[ ${1-} == [0-9]* ]] && shift ;;",
    "    *) if (($# == 1)); then left=$value; shift; else shift 2; fi ;;",
    "    esac",
    "  done",
    "  if [[ $left == *@file* ]]; then files=1; fi",
    "  left=${left//@any/} left=${left//@file/}",
    "  mapfile -t COMPREPLY < <([[ -n $files ]] && compgen -f -- \"$cur\"; compgen -W \"${left//|/ }\" -- \"$cur\")",
    "}",
    "",
    "complete -F _culvert culvert",
    NULL,
};

/* The fixed words, joined by a bar where one excludes the others. */
static void
print_choices(FILE *out, const struct cli_arg *arg)
{
	const char *gap = (arg->flags & (CLI_BARE | CLI_MANY)) == CLI_BARE ? "|" : " ";

	for (unsigned i = 0; arg->choices != NULL && arg->choices[i] != NULL; i++)
		fprintf(out, "%s%s", i == 0 ? "" : gap, arg->choices[i]);
}

static void
print_options(FILE *out)
{
	fputs("_culvert_options='", out);
	for (unsigned i = 0; i < cli_n_options; i++)
		fprintf(out, "%s-%c --%s", i > 0 ? " " : "", cli_options[i].letter, cli_options[i].word);
	fputs("'\n_culvert_value_options='", out);
	for (unsigned i = 0; i < cli_n_options; i++)
		if (cli_options[i].value != NULL && !cli_options[i].may_lack)
			fprintf(out, " -%c --%s", cli_options[i].letter, cli_options[i].word);
	fputs("'\n\n", out);
}

static void
print_verbs(FILE *out)
{
	fputs("# the verbs of an object; of '', the objects\n_culvert_verbs() {\n  case $1 in\n  '') echo", out);
	for (unsigned i = 0; i < cli_n_objects; i++)
		fprintf(out, " %s", cli_objects[i].word);
	fputs(" ;;\n", out);
	for (unsigned i = 0; i < cli_n_objects; i++) {
		if (cli_object_is_verb(&cli_objects[i]))
			continue;
		fprintf(out, "  %s) echo", cli_objects[i].word);
		for (unsigned v = 0; v < cli_objects[i].n_verbs; v++)
			fprintf(out, " %s", cli_objects[i].verbs[v].word);
		fputs(" ;;\n", out);
	}
	fputs("  esac\n}\n\n", out);
}

static void
print_command(FILE *out, const struct cli_object *object, const struct cli_verb *verb, const char *keyword)
{
	fprintf(out, "  '%s%s%s%s%s')", object->word, verb->word[0] != 0 ? " " : "", verb->word,
		keyword != NULL ? " " : "", keyword != NULL ? keyword : "");
}

static void
print_words(FILE *out, const struct cli_object *object, const struct cli_verb *verb)
{
	if (verb->n_args == 0)
		return;
	print_command(out, object, verb, NULL);
	fputs(" echo '", out);
	for (unsigned i = 0; i < verb->n_args; i++) {
		const struct cli_arg *arg = &verb->args[i];

		if (arg->kind == CLI_KIND_TRAP)
			continue;
		fputs(i > 0 ? " " : "", out);
		if ((arg->flags & CLI_BARE) == 0)
			fputs(arg->word, out);
		else if (arg->kind == CLI_KIND_FILE)
			fputs("@file", out);
		else
			print_choices(out, arg);
	}
	fputs("' ;;\n", out);
}

static void
print_values(FILE *out, const struct cli_object *object, const struct cli_verb *verb)
{
	for (unsigned i = 0; i < verb->n_args; i++) {
		const struct cli_arg *arg = &verb->args[i];

		if ((arg->flags & CLI_BARE) != 0 || arg->kind == CLI_KIND_TRAP)
			continue;
		print_command(out, object, verb, arg->word);
		fputs(" echo '", out);
		if ((arg->flags & CLI_MAY_LACK) != 0)
			fputs("@maybe", out);
		else if (arg->kind == CLI_KIND_FILE)
			fputs("@file", out);
		else if (arg->choices == NULL)
			fputs("@any", out);
		else
			print_choices(out, arg);
		fputs("' ;;\n", out);
	}
}

static void
print_function(FILE *out, const char *head,
	       void (*print)(FILE *out, const struct cli_object *object, const struct cli_verb *verb))
{
	fputs(head, out);
	for (unsigned i = 0; i < cli_n_objects; i++)
		for (unsigned v = 0; v < cli_objects[i].n_verbs; v++)
			print(out, &cli_objects[i], &cli_objects[i].verbs[v]);
	fputs("  esac\n}\n\n", out);
}

int
cli_completion(struct cli *cli)
{
	FILE *out = cli->out;

	fputs("# bash completion for culvert, made by 'culvert completion bash'\n", out);
	print_options(out);
	print_verbs(out);
	print_function(out, "# what may begin an argument of a command\n_culvert_words() {\n  case $1 in\n",
		       print_words);
	print_function(
	    out, "# a keyword's fixed values; @any, @file, @maybe: others\n_culvert_values() {\n  case \"$1 $2\" in\n",
	    print_values);
	for (unsigned i = 0; walk[i] != NULL; i++)
		fprintf(out, "%s\n", walk[i]);
	return CLI_DONE;
}
