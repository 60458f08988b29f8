/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nwf's C interface: filters and bindings, as libvirt's virNWFilter and virNWFilterBinding families have them.
 *
 * Texts are UTF-8 and end with a zero byte. Every function that can fail takes `nwf_error **error`, which may be NULL:
 * when it fails, *error gets the reason, to be freed with nwf_error_free(); when it succeeds, *error gets NULL.
 *
 * Threads: a handle may be used by several threads at once; what is done through one nwf_host happens one after the
 * other. Several processes (or several handles) may work on the same host: they take turns, too. Objects of different
 * handles are independent. An nwf_error belongs to the thread that got it.
 *
 * Lifetimes: a filter or a binding keeps what it needs of its host; it may be freed after nwf_host_close().
 *
 * Stability: what is here stays; its symbols carry the version NWF_0. What comes later is added.
 */
#ifndef NWF_H
#define NWF_H

#ifdef __cplusplus
extern "C" {
#endif

#define NWF_UUID_BYTES 16
#define NWF_UUID_TEXT 37 /**< 36 characters and the zero byte */

typedef struct nwf_host nwf_host;       /**< one machine's firewall, in this process */
typedef struct nwf_filter nwf_filter;   /**< the name and UUID of a filter that was found or defined */
typedef struct nwf_binding nwf_binding; /**< the port of a binding that was found or created */
typedef struct nwf_error nwf_error;

/** What a caller can do about a failure. */
typedef enum nwf_code {
  NWF_OK = 0,
  NWF_INVALID = 1,     /**< the text, name or value is wrong: nothing was changed */
  NWF_NOT_FOUND = 2,   /**< no such filter or binding */
  NWF_REFUSED = 3,     /**< well formed, but not allowed now: in use, a circle, a name or UUID that is taken */
  NWF_DENIED = 4,      /**< not root, no CAP_NET_ADMIN, a file's mode */
  NWF_UNSUPPORTED = 5, /**< this kernel lacks what the request needs */
  NWF_OUTDATED = 6,    /**< somebody else changes the kernel's rules all the time: try again */
  NWF_STORAGE = 7,     /**< a file could not be read or written */
  NWF_KERNEL = 8,      /**< the kernel refused the change */
  NWF_ARGUMENT = 9,    /**< a required argument is NULL, or a flag is unknown */
  NWF_MEMORY = 10      /**< no memory, or a failure inside the library */
} nwf_code;

/* --- errors: one mistake each, with the further mistakes of the same text behind it --- */

nwf_code nwf_error_code(const nwf_error* error);
/** What failed, on which object. Never NULL. */
const char* nwf_error_message(const nwf_error* error);
/** What would be right, or what to do; "" when there is nothing to say. */
const char* nwf_error_remedy(const nwf_error* error);
/** The file, line and column of the mistake. Line and column count from 1; "" and 0 when there is no place. A text
 * given to a function is called "text" here. */
const char* nwf_error_file(const nwf_error* error);
int nwf_error_line(const nwf_error* error);
int nwf_error_column(const nwf_error* error);
/** The next mistake in the same text, or NULL. It belongs to the first one. */
const nwf_error* nwf_error_next(const nwf_error* error);
/** All of it for people, one line a mistake: file:line:column: message; remedy. */
const char* nwf_error_text(const nwf_error* error);
void nwf_error_free(nwf_error* error);

/* --- the host --- */

/**
 * Opens the firewall of this machine and network namespace, below `root` ("" or NULL: the machine itself; otherwise a
 * folder that all files lie below). `flags` is 0. Nothing is read or changed yet.
 */
nwf_host* nwf_host_open(const char* root, unsigned flags, nwf_error** error);
void nwf_host_close(nwf_host* host);
/**
 * Makes the kernel hold what is defined and bound, as after a restart. Gives the number of changes it took, -1 on
 * failure.
 */
long nwf_host_reconcile(nwf_host* host, nwf_error** error);

/**
 * What nwf-hook does in this process: a call of a hook of libvirt or of QEMU's script. `program` is the name it was
 * called by, `words` its `count` words, `document` what was on standard input (for QEMU's script the text that
 * describes the port). 0, or -1: what libvirt is about to do is refused. *warnings gets text for people, a line each,
 * to be freed with free(); it may be NULL.
 */
int nwf_host_hook(nwf_host* host, const char* program, int count, const char* const* words, const char* document,
                  char** warnings, nwf_error** error);

/* --- filters --- */

/** virNWFilterDefineXML: defines or replaces, on all ports that use it at one instant. */
nwf_filter* nwf_filter_define_xml(nwf_host* host, const char* xml, nwf_error** error);
/** 0 when the text could be defined; otherwise -1, with everything that is wrong with it. Nothing is changed. */
int nwf_filter_validate_xml(nwf_host* host, const char* xml, nwf_error** error);
/** virNWFilterUndefine. 0, or -1: NWF_REFUSED while a filter or a binding refers to it. */
int nwf_filter_undefine(nwf_filter* filter, nwf_error** error);
/** virNWFilterLookupByName, ByUUID, ByUUIDString. NULL with NWF_NOT_FOUND when there is none. */
nwf_filter* nwf_filter_lookup_by_name(nwf_host* host, const char* name, nwf_error** error);
nwf_filter* nwf_filter_lookup_by_uuid(nwf_host* host, const unsigned char* uuid, nwf_error** error);
nwf_filter* nwf_filter_lookup_by_uuid_string(nwf_host* host, const char* uuid, nwf_error** error);
/** The name: valid as long as the filter. */
const char* nwf_filter_get_name(const nwf_filter* filter);
/** Writes NWF_UUID_BYTES, or NWF_UUID_TEXT with the zero byte. */
void nwf_filter_get_uuid(const nwf_filter* filter, unsigned char* uuid);
void nwf_filter_get_uuid_string(const nwf_filter* filter, char* text);
/** The definition as it is now, to be freed with free(). `flags` is 0. */
char* nwf_filter_get_xml_desc(nwf_filter* filter, unsigned flags, nwf_error** error);
/**
 * virConnectListAllNWFilters: their number, -1 on failure. *filters gets an array of that many, sorted by name, with a
 * NULL behind them: free each with nwf_filter_free(), the array with free(). `filters` may be NULL to count only.
 */
long nwf_list_all_filters(nwf_host* host, nwf_filter*** filters, nwf_error** error);
void nwf_filter_free(nwf_filter* filter);

/* --- bindings --- */

/** virNWFilterBindingCreateXML, from a <filterbinding> or a guest's <interface>. The port need not exist yet. */
nwf_binding* nwf_binding_create_xml(nwf_host* host, const char* xml, nwf_error** error);
/** virNWFilterBindingDelete. 0 or -1. */
int nwf_binding_delete(nwf_binding* binding, nwf_error** error);
/** virNWFilterBindingLookupByPortDev. */
nwf_binding* nwf_binding_lookup_by_port_dev(nwf_host* host, const char* port, nwf_error** error);
const char* nwf_binding_get_port_dev(const nwf_binding* binding);
/** The name of the filter it was bound to when it was looked up. */
const char* nwf_binding_get_filter_name(const nwf_binding* binding);
/** The binding as it is now, to be freed with free(). `flags` is 0. */
char* nwf_binding_get_xml_desc(nwf_binding* binding, unsigned flags, nwf_error** error);
/** virConnectListAllNWFilterBindings; as nwf_list_all_filters(), sorted by port. */
long nwf_list_all_bindings(nwf_host* host, nwf_binding*** bindings, nwf_error** error);
void nwf_binding_free(nwf_binding* binding);

#ifdef __cplusplus
}
#endif

#endif
