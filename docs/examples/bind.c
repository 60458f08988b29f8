/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Binds a guest's interface with the filter it names, shows what is bound, and lets it go again.
 *
 *   cc bind.c $(pkg-config --cflags --libs nwf) -o bind
 *   ./bind ROOT FILTER.xml INTERFACE.xml          ROOT is "" for the machine itself
 */
#include <nwf.h>
#include <stdio.h>
#include <stdlib.h>

static char *read_file(const char *path) {
  FILE *file = fopen(path, "r");
  char *text = NULL;
  long size;
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && (text = calloc(1, (size_t)size + 1)) != NULL) {
    rewind(file);
    if (fread(text, 1, (size_t)size, file) != (size_t)size) {
      free(text);
      text = NULL;
    }
  }
  fclose(file);
  return text;
}

static int failed(const char *what, nwf_error *error) {
  fprintf(stderr, "%s: %s\n", what, nwf_error_text(error));
  nwf_error_free(error);
  return 1;
}

int main(int argc, char **argv) {
  nwf_error *error = NULL;
  nwf_binding **bindings = NULL;
  long count, i;
  if (argc != 4) {
    fprintf(stderr, "bind ROOT FILTER.xml INTERFACE.xml\n");
    return 2;
  }
  char *filter_xml = read_file(argv[2]);
  char *interface_xml = read_file(argv[3]);
  if (filter_xml == NULL || interface_xml == NULL) {
    fprintf(stderr, "a file cannot be read\n");
    return 1;
  }

  nwf_host *host = nwf_host_open(argv[1], 0, &error);
  if (host == NULL) return failed("open", error);

  nwf_filter *filter = nwf_filter_define_xml(host, filter_xml, &error);
  if (filter == NULL) return failed(argv[2], error);
  char uuid[NWF_UUID_TEXT];
  nwf_filter_get_uuid_string(filter, uuid);
  printf("defined %s, UUID %s\n", nwf_filter_get_name(filter), uuid);

  nwf_binding *binding = nwf_binding_create_xml(host, interface_xml, &error);
  if (binding == NULL) return failed(argv[3], error);
  count = nwf_list_all_bindings(host, &bindings, &error);
  if (count < 0) return failed("list", error);
  for (i = 0; i < count; ++i) {
    printf("bound %s to %s\n", nwf_binding_get_port_dev(bindings[i]), nwf_binding_get_filter_name(bindings[i]));
    nwf_binding_free(bindings[i]);
  }
  free(bindings);

  char *xml = nwf_binding_get_xml_desc(binding, 0, &error);
  if (xml == NULL) return failed("dump", error);
  fputs(xml, stdout);
  free(xml);

  if (nwf_filter_undefine(filter, &error) == 0) return 1; /* it is in use: this must be refused */
  printf("refused: %s\n", nwf_error_message(error));
  nwf_error_free(error);

  if (nwf_binding_delete(binding, &error) != 0) return failed("unbind", error);
  if (nwf_filter_undefine(filter, &error) != 0) return failed("undefine", error);
  nwf_binding_free(binding);
  nwf_filter_free(filter);
  nwf_host_close(host);
  free(filter_xml);
  free(interface_xml);
  return 0;
}
